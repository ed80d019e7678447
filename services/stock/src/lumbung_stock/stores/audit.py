"""Recomputes what is stored from what it follows from."""

from __future__ import annotations

from uuid import UUID

from psycopg.rows import class_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain import places
from lumbung_stock.domain.audit import BrokenPromise, LedgerDifference, LedgerReport, PromiseReport
from lumbung_stock.stores.lots import expired_differences, lot_differences

DIFFERENCES_MAX = 1_000
LEAKED_AFTER_S = 60
EVERYTHING = 2**31

Key = tuple[str, str]
"""(warehouse_code, sku_code)"""

BEGINNING: Key = ("", "")

_SQL = load(__package__, "audit.sql")
_ONE_SNAPSHOT, _COUNTS, _DIFFERENCES, _PROMISES = (
    _SQL[name] for name in ("one_snapshot", "counts", "differences", "promises")
)
_TRANSIT_DIFFERENCES = _SQL["transit_differences"]
_SLICE_END, _BROKEN_PROMISES, _LEAKED_HOLDS = (
    _SQL[name] for name in ("slice_end", "broken_promises", "leaked_holds")
)


async def read_one_snapshot(conn: Conn) -> None:
    """Everything that this transaction reads is of one instant. Its first statement."""
    await conn.execute(_ONE_SNAPSHOT)


async def recompute_ledger(conn: Conn, warehouse_code: str) -> LedgerReport:
    """Lays the ledger beside the stored figures, of one warehouse or (empty) of all."""
    await read_one_snapshot(conn)
    cursor = await conn.execute(_COUNTS, {"warehouse_code": warehouse_code})
    entry_count, figure_count = await cursor.fetchone() or (0, 0)
    end = await slice_end(conn, BEGINNING, EVERYTHING)
    found = await ledger_differences(conn, BEGINNING, end, warehouse_code) if end else []
    return LedgerReport(entry_count, figure_count, tuple(found))


async def slice_end(conn: Conn, after: Key, size: int) -> Key | None:
    """The last key of the slice of about `size` levels that follow `after`; None behind the last."""
    asked = {"after_warehouse": after[0], "after_sku": after[1], "size": size}
    row = await (await conn.execute(_SLICE_END, asked)).fetchone()
    return (row[0], row[1]) if row else None


async def ledger_differences(
    conn: Conn, after: Key, through: Key, warehouse_code: str = ""
) -> list[LedgerDifference]:
    """Places, lots and levels of a slice that are not what the ledger says, and goods in transit that are not what the
    transfers say (the place is TRANSIT); the first thousand of each.
    """
    asked = {**_slice(after, through), "warehouse_code": warehouse_code, "outside": sorted(places.OUTSIDE)}
    found = [LedgerDifference(*row) async for row in await conn.execute(_DIFFERENCES, asked)]
    in_transit = await conn.execute(_TRANSIT_DIFFERENCES, asked)
    found += [LedgerDifference(*row) async for row in in_transit]
    found += await lot_differences(conn, _slice(after, through), warehouse_code)
    return [*found, *await expired_differences(conn, _slice(after, through), warehouse_code)]


async def broken_promises(conn: Conn, after: Key, through: Key) -> list[BrokenPromise]:
    """Levels and sales' items of a slice that are not what stands behind them, the first thousand."""
    cursor = await conn.execute(_BROKEN_PROMISES, _slice(after, through))
    return [BrokenPromise(*row) async for row in cursor]


async def leaked_holds(conn: Conn) -> list[tuple[UUID, str]]:
    """(reservation, its sale or empty) of holds a minute past their deadline, the first thousand."""
    cursor = await conn.execute(_LEAKED_HOLDS, {"leaked_after_s": LEAKED_AFTER_S, "limit": DIFFERENCES_MAX})
    return [(reservation_id, sale) async for reservation_id, sale in cursor]


def _slice(after: Key, through: Key) -> dict[str, object]:
    return {
        "after_warehouse": after[0],
        "after_sku": after[1],
        "through_warehouse": through[0],
        "through_sku": through[1],
        "not_on_hand": sorted(places.NOT_ON_HAND),
        "limit": DIFFERENCES_MAX,
    }


async def count_promises(conn: Conn) -> PromiseReport:
    """Counts promises against the figures that stand for them."""
    async with conn.cursor(row_factory=class_row(PromiseReport)) as cursor:
        await cursor.execute(_PROMISES, {"leaked_after_s": LEAKED_AFTER_S})
        report = await cursor.fetchone()
    if report is None:
        raise AssertionError("an aggregate without GROUP BY gives one row")
    return report
