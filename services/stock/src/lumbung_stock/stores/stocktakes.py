"""Stocktakes in Postgres: what is counted, what was scanned, what was booked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import TupleRow

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.lots import LotKey
from lumbung_stock.domain.places import Bin, BinKind
from lumbung_stock.domain.stocktake_failures import StocktakeNotFound
from lumbung_stock.domain.stocktakes import (
    Instant,
    Judged,
    LineKey,
    Opening,
    Override,
    PartKey,
    Scan,
    Scope,
    Shift,
    Step,
    Stocktake,
    StocktakeState,
    Verdict,
)
from lumbung_stock.stores.sku_seals import first_uses

_SQL = load(__package__, "stocktakes.sql")
COUNTERS_MAX = 10_000

Costs = Mapping[str, int]
"""What a unit costs, by SKU; those without a cost are not in it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A line that is still to be counted. `lots` are those that may be there, an empty one for units without; of a line
    that is being counted by lot, those that are left."""

    bin_code: str
    sku_code: str
    rank: int
    sku_name: str
    counted_by: tuple[str, ...]
    tracked_by_lot: bool
    lots: tuple[str, ...]


class Said(NamedTuple):
    """What a scan says, besides its time."""

    bin_code: str
    sku_code: str
    counted_quantity: int
    counter: str
    lot: str | None
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a round is."""

    line_count: int
    counted_line_count: int
    scan_count: int
    override_count: int


async def keep_openings_out(conn: Conn, warehouse_code: str) -> None:
    """Until the end of the transaction no count of the warehouse is opened."""
    await conn.execute(_SQL["share_lock"], {"warehouse_code": warehouse_code})


async def keep_changes_out(conn: Conn, warehouse_code: str) -> None:
    """Until the end of the transaction nobody changes stock of the warehouse by hand; waits for those who do."""
    await conn.execute(_SQL["own_lock"], {"warehouse_code": warehouse_code})


async def read_head(conn: Conn, warehouse_code: str) -> tuple[int, datetime]:
    """The last sequence, and a time before which every entry up to it was written, and after which every other is."""
    row = await (await conn.execute(_SQL["head"], {"warehouse_code": warehouse_code})).fetchone()
    if row is None:
        raise AssertionError(f"{warehouse_code} has no ledger")
    return row[0], row[1]


async def find_bins(conn: Conn, warehouse_code: str) -> list[Bin]:
    """Every bin of the warehouse."""
    cursor = await conn.execute(_SQL["bins"], {"warehouse_code": warehouse_code})
    return [Bin(code, BinKind(kind), *rest) async for code, kind, *rest in cursor]


async def find_overlapping(conn: Conn, scope: Scope, bin_codes: Sequence[str]) -> UUID | None:
    """A count that has not ended and shares a line with this scope."""
    asked = {
        "warehouse_code": scope.warehouse_code,
        "sku_codes": list(scope.sku_codes),
        "bin_codes": list(bin_codes),
    }
    row = await (await conn.execute(_SQL["overlapping"], asked)).fetchone()
    return row[0] if row else None


async def find_book_lines(conn: Conn, scope: Scope, bin_codes: Sequence[str], limit: int) -> list[LineKey]:
    """What the book knows of these bins."""
    asked = {
        "warehouse_code": scope.warehouse_code,
        "sku_codes": list(scope.sku_codes),
        "bin_codes": list(bin_codes),
        "limit": limit,
    }
    return [(place, sku) async for place, sku in await conn.execute(_SQL["book_lines"], asked)]


async def units_picked(conn: Conn, warehouse_code: str, days: int) -> dict[str, int]:
    """Units picked in the last days, by SKU."""
    cursor = await conn.execute(_SQL["picked"], {"warehouse_code": warehouse_code, "days": days})
    return {sku: units async for sku, units in cursor}


async def insert_stocktake(
    conn: Conn, stocktake_id: UUID, opening: Opening, bin_codes: Sequence[str], author: Author
) -> None:
    """Writes a count with its bins; it begins by `begin_stocktake`."""
    scope = opening.scope
    await conn.execute(
        _SQL["insert"],
        {
            "stocktake_id": stocktake_id,
            "warehouse_code": scope.warehouse_code,
            "title": opening.title,
            "zones": list(scope.zones),
            "bin_codes": list(scope.bin_codes),
            "sku_codes": list(scope.sku_codes),
            "lock_manual_changes": opening.lock_manual_changes,
            "movement_window_s": opening.movement_window.total_seconds(),
            "actor": author.actor,
        },
    )
    await conn.execute(_SQL["insert_bins"], {"stocktake_id": stocktake_id, "bin_codes": list(bin_codes)})


async def begin_stocktake(conn: Conn, stocktake_id: UUID, warehouse_code: str, author: Author) -> Stocktake:
    """From here on whatever moves is laid beside the count. To be called last: until the transaction ends, nothing of
    the warehouse can be booked."""
    sequence, now = await read_head(conn, warehouse_code)
    asked = {"stocktake_id": stocktake_id, "open_sequence": sequence, "open_time": now}
    await conn.execute(_SQL["begin"], asked)
    count = await find_stocktake(conn, stocktake_id)
    await _note_step(conn, count, author)
    return count


async def insert_lines(conn: Conn, stocktake_id: UUID, round_: int, lines: Sequence[LineKey]) -> None:
    """What is to be counted in a round, in this order."""
    await conn.execute(
        _SQL["insert_lines"],
        {
            "stocktake_id": stocktake_id,
            "round": round_,
            "bin_codes": [bin_code for bin_code, _ in lines],
            "sku_codes": [sku_code for _, sku_code in lines],
        },
    )


async def find_stocktake(conn: Conn, stocktake_id: UUID) -> Stocktake:
    """Raises StocktakeNotFound."""
    return await _one(conn, "find", stocktake_id)


async def lock_stocktake(conn: Conn, stocktake_id: UUID) -> Stocktake:
    """For whoever ends a round or the count. Raises StocktakeNotFound."""
    return await _one(conn, "lock", stocktake_id)


async def share_stocktake(conn: Conn, stocktake_id: UUID) -> Stocktake:
    """For those who count. Raises StocktakeNotFound."""
    return await _one(conn, "share", stocktake_id)


async def list_stocktakes(
    conn: Conn, warehouse_code: str, state: int, before: tuple[datetime, UUID], limit: int
) -> list[Stocktake]:
    """Newest first, those before one of them."""
    asked = {
        "warehouse_code": warehouse_code,
        "state": state,
        "before_time": before[0],
        "before_id": before[1],
        "limit": limit,
    }
    return [_stocktake(row) async for row in await conn.execute(_SQL["list"], asked)]


async def read_progress(conn: Conn, count: Stocktake) -> Progress:
    """How far the present round is."""
    asked = {"stocktake_id": count.stocktake_id, "round": count.round}
    row = await (await conn.execute(_SQL["progress"], asked)).fetchone()
    return Progress(*(row or (0, 0, 0, 0)))


async def find_counters(conn: Conn, stocktake_id: UUID, limit: int = COUNTERS_MAX) -> list[str]:
    """Those who have counted."""
    cursor = await conn.execute(_SQL["counters"], {"stocktake_id": stocktake_id, "limit": limit})
    return [row[0] async for row in cursor]


async def list_tasks(conn: Conn, count: Stocktake, after_rank: int, limit: int) -> list[Task]:
    """Lines of the present round that nobody has counted, in order."""
    asked = {
        "stocktake_id": count.stocktake_id,
        "round": count.round,
        "after_rank": after_rank,
        "limit": limit,
    }
    return [
        Task(bin_code, sku, rank, name, tuple(counters), tracked, tuple(lots))
        async for bin_code, sku, rank, name, counters, tracked, lots in await conn.execute(
            _SQL["tasks"], asked
        )
    ]


async def read_instant(conn: Conn, stocktake_id: UUID) -> Instant:
    """What is known of a count now: whatever is known later is of another instant. To be read in a short transaction,
    as counters wait until it has ended. Raises StocktakeNotFound."""
    count = await lock_stocktake(conn, stocktake_id)
    await conn.execute(_SQL["keep_costs_in"])
    asked = {"stocktake_id": stocktake_id, "warehouse_code": count.scope.warehouse_code}
    row = await (await conn.execute(_SQL["instant"], asked)).fetchone()
    if row is None:
        raise AssertionError(f"{count.scope.warehouse_code} has no ledger")
    return Instant(*row)


async def find_uncounted(
    conn: Conn, count: Stocktake, round_: int, bins: Collection[str] = (), until: Instant | None = None
) -> list[LineKey]:
    """Lines of a round that nobody has counted, of these bins or of all."""
    asked = {
        "stocktake_id": count.stocktake_id,
        "round": round_,
        "bin_codes": list(bins),
        "position": until and until.position,
    }
    return [(bin_code, sku) async for bin_code, sku in await conn.execute(_SQL["uncounted"], asked)]


async def find_uncounted_lots(
    conn: Conn, count: Stocktake, round_: int, bins: Collection[str] = ()
) -> list[PartKey]:
    """Lots that nobody has counted in a round in which others of their line were counted, of these bins or of all."""
    asked = {"stocktake_id": count.stocktake_id, "round": round_, "bin_codes": list(bins)}
    cursor = await conn.execute(_SQL["uncounted_lots"], asked)
    return [(bin_code, sku, lot) async for bin_code, sku, lot in cursor]


async def said_days(conn: Conn, stocktake_id: UUID, lots: Collection[LotKey]) -> dict[LotKey, date]:
    """Last days that somebody has counted lots with."""
    asked = {
        "stocktake_id": stocktake_id,
        "sku_codes": [sku for sku, _ in lots],
        "lot_codes": [lot for _, lot in lots],
    }
    return {(sku, lot): day async for sku, lot, day in await conn.execute(_SQL["said_days"], asked)}


async def counted_bins(conn: Conn, stocktake_id: UUID, bin_codes: Iterable[str]) -> set[str]:
    """Those of these bins that are in the scope."""
    asked = {"stocktake_id": stocktake_id, "bin_codes": list(bin_codes)}
    return {row[0] async for row in await conn.execute(_SQL["counted_bins"], asked)}


async def insert_scans(conn: Conn, stocktake_id: UUID, scans: Sequence[Scan], author: Author) -> set[str]:
    """Writes scans of one counter in one round; the ids of those that were new."""
    if not scans:
        return set()
    with first_uses():
        cursor = await conn.execute(
            _SQL["insert_counts"],
            {
                "stocktake_id": stocktake_id,
                "round": scans[0].round,
                "counter": author.actor,
                "request_id": author.request_id,
                "scan_ids": [scan.scan_id for scan in scans],
                "bin_codes": [scan.bin_code for scan in scans],
                "sku_codes": [scan.sku_code for scan in scans],
                "quantities": [scan.counted_quantity for scan in scans],
                "scan_times": [scan.scan_time for scan in scans],
                "lot_codes": [scan.lot for scan in scans],
                "days": [scan.expires_on for scan in scans],
            },
        )
    return {scan_id for (scan_id,) in await cursor.fetchall()}


async def known_scans(conn: Conn, stocktake_id: UUID, scan_ids: Iterable[str]) -> dict[str, Said]:
    """What scans with these ids said before."""
    asked = {"stocktake_id": stocktake_id, "scan_ids": list(scan_ids)}
    return {scan_id: Said(*said) async for scan_id, *said in await conn.execute(_SQL["known_scans"], asked)}


async def find_scans(conn: Conn, stocktake_id: UUID, until: Instant | None = None) -> list[Scan]:
    """Every scan of a SKU, in the order of arrival."""
    asked = {"stocktake_id": stocktake_id, "position": until and until.position}
    cursor = await conn.execute(_SQL["counts"], asked)
    return [Scan(*row) async for row in cursor]


async def read_book(
    conn: Conn, count: Stocktake, parts: Sequence[PartKey], until: Instant | None = None
) -> dict[PartKey, tuple[int, list[Shift]]]:
    """What these lines' bins hold, in all or of a lot, and what came and went of them since the count was opened, as of
    one instant: now, or an earlier one."""
    asked = {
        "warehouse_code": count.scope.warehouse_code,
        "bin_codes": [bin_code for bin_code, _, _ in parts],
        "sku_codes": [sku_code for _, sku_code, _ in parts],
        "lot_codes": [lot for _, _, lot in parts],
        "open_sequence": count.open_sequence,
        "until_sequence": until and until.sequence,
    }
    return {
        (place, sku, lot): (present, [Shift(*shift) for shift in zip(happened, units, strict=True)])
        async for place, sku, lot, present, happened, units in await conn.execute(_SQL["book"], asked)
    }


async def find_costs(conn: Conn, sku_codes: Iterable[str], until: Instant | None = None) -> dict[str, int]:
    """What a unit costs, by SKU."""
    asked = {"sku_codes": list(sku_codes), "until_time": until and until.time}
    cursor = await conn.execute(_SQL["costs"], asked)
    return {sku: cost async for sku, cost in cursor}


async def set_costs(conn: Conn, author: Author, costs: Costs) -> None:
    """New costs; what they were stays to be read."""
    asked = {
        "sku_codes": list(costs),
        "costs": list(costs.values()),
        "actor": author.actor,
        "request_id": author.request_id,
    }
    await conn.execute(_SQL["own_costs"])
    with first_uses():
        await conn.execute(_SQL["set_costs"], asked)


async def begin_round(conn: Conn, count: Stocktake, author: Author, reason: str = "") -> None:
    """Lines are counted again, in the round after the present one."""
    asked = {"stocktake_id": count.stocktake_id, "round": count.round + 1}
    await conn.execute(_SQL["next_round"], asked)
    begun = replace(count, state=StocktakeState.RECOUNTING, round=count.round + 1)
    await _note_step(conn, begun, author, reason)


async def begin_review(conn: Conn, count: Stocktake, author: Author) -> None:
    """Counting is over."""
    await conn.execute(_SQL["to_review"], {"stocktake_id": count.stocktake_id})
    await _note_step(conn, replace(count, state=StocktakeState.REVIEW), author)


async def end_stocktake(
    conn: Conn, count: Stocktake, state: StocktakeState, author: Author, reason: str = ""
) -> None:
    """It is booked, or given up."""
    asked = {
        "stocktake_id": count.stocktake_id,
        "state": int(state),
        "actor": author.actor,
        "reason": reason,
    }
    await conn.execute(_SQL["end"], asked)
    await _note_step(conn, replace(count, state=state), author, reason)


async def find_steps(conn: Conn, stocktake_id: UUID, limit: int) -> list[Step]:
    """How the count came to its state, oldest first; of more than `limit` steps the last."""
    cursor = await conn.execute(_SQL["steps"], {"stocktake_id": stocktake_id, "limit": limit})
    last = [Step(StocktakeState(state), *rest) async for state, *rest in cursor]
    return last[::-1]


async def _note_step(conn: Conn, count: Stocktake, author: Author, reason: str = "") -> None:
    """The count has come into its state by somebody's request."""
    asked = {
        "stocktake_id": count.stocktake_id,
        "state": int(count.state),
        "round": count.round,
        "actor": author.actor,
        "request_id": author.request_id,
        "reason": reason,
    }
    await conn.execute(_SQL["insert_step"], asked)


async def insert_results(conn: Conn, stocktake_id: UUID, lines: Sequence[Judged], costs: Costs) -> None:
    """Keeps what an approval was about."""
    rows = [
        {
            "stocktake_id": stocktake_id,
            "bin_code": line.bin_code,
            "sku_code": line.sku_code,
            "ledger_quantity": line.ledger_quantity,
            "counted_quantity": line.counted_quantity,
            "verdict": int(line.verdict),
            "round": line.round,
            "counters": list(line.counters),
            "unit_cost_minor": costs.get(line.sku_code),
            "lot_code": line.lot,
        }
        for line in lines
    ]
    if rows:
        async with conn.cursor() as cursor:
            await cursor.executemany(_SQL["insert_results"], rows)


async def find_results(conn: Conn, stocktake_id: UUID) -> tuple[list[Judged], dict[str, int]]:
    """What an approval was about, and the costs that it was valued with."""
    lines, costs = [], {}
    async for bin_code, sku, ledger, counted, verdict, round_, counters, cost, lot in await conn.execute(
        _SQL["results"], {"stocktake_id": stocktake_id}
    ):
        line = Judged(bin_code, sku, ledger, counted, Verdict(verdict), round_, tuple(counters), lot)
        lines.append(line)
        if cost is not None:
            costs[sku] = cost
    return lines, costs


async def find_locking(
    conn: Conn, warehouse_code: str, lines: Collection[LineKey]
) -> list[tuple[UUID, LineKey]]:
    """Counts that lock one of these lines, each with the first that it locks."""
    asked = {
        "warehouse_code": warehouse_code,
        "bin_codes": [bin_code for bin_code, _ in lines],
        "sku_codes": [sku_code for _, sku_code in lines],
    }
    cursor = await conn.execute(_SQL["locking"], asked)
    return [(stocktake_id, (bin_code, sku)) async for stocktake_id, bin_code, sku in cursor]


async def insert_overrides(conn: Conn, stocktake_ids: Sequence[UUID], author: Author, reason: str) -> None:
    """Keeps that somebody changed by hand what is being counted."""
    asked = {
        "stocktake_ids": list(stocktake_ids),
        "actor": author.actor,
        "request_id": author.request_id,
        "reason": reason,
    }
    await conn.execute(_SQL["insert_override"], asked)


async def find_overrides(conn: Conn, stocktake_id: UUID, limit: int) -> list[Override]:
    """What was changed by hand in spite of the lock, oldest first; of more than `limit` the last."""
    cursor = await conn.execute(_SQL["overrides"], {"stocktake_id": stocktake_id, "limit": limit})
    last = [Override(*row) async for row in cursor]
    return last[::-1]


async def _one(conn: Conn, statement: str, stocktake_id: UUID) -> Stocktake:
    row = await (await conn.execute(_SQL[statement], {"stocktake_id": stocktake_id})).fetchone()
    if row is None:
        raise StocktakeNotFound
    return _stocktake(row)


def _stocktake(row: TupleRow) -> Stocktake:
    stocktake_id, warehouse, title, state, round_, zones, bins, skus, locks, window_s, *rest = row
    return Stocktake(
        stocktake_id,
        Scope(warehouse, tuple(zones), tuple(bins), tuple(skus)),
        title,
        StocktakeState(state),
        round_,
        locks,
        timedelta(seconds=window_s),
        *rest,
    )
