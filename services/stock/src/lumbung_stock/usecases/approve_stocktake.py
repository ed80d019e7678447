"""Approve a stocktake: book every difference in one transaction, by another person than those who counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import NO_LOT, Author, Booking, LotName, Movement, MovementKind
from lumbung_stock.domain.lots import LotKey
from lumbung_stock.domain.stocktake_failures import CountUncertain, TooManyDifferences
from lumbung_stock.domain.stocktakes import CERTAIN, Judged, Stocktake, StocktakeState, Verdict
from lumbung_stock.stores import levels, stocktakes
from lumbung_stock.stores.lots import find_lots
from lumbung_stock.stores.places import lock_places
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.judge_counts import judge_counts

DIFFERENCES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Approved:
    """The count, entries that were written, and uncertain lines that were left as the book has them."""

    count: Stocktake
    entry_count: int
    left_uncertain: int


async def approve_stocktake(
    conn: Conn, author: Author, stocktake_id: UUID, *, leave_uncertain: bool
) -> Approved:
    """Each difference is added to what its bin holds by now, whatever moved since.

    Raises StocktakeNotFound, StocktakeWrongState, SamePerson, CountUncertain, TooManyDifferences; and LotNotTracked
    and LotExpiryRequired, where the catalog has changed how the SKU is tracked since its lots were counted.
    """
    count = await stocktakes.lock_stocktake(conn, stocktake_id)
    count.require(StocktakeState.REVIEW)
    count.require_other(author.actor, await stocktakes.find_counters(conn, stocktake_id))
    lines = await _judged_under_lock(conn, count)
    uncertain = [line for line in lines if line.verdict not in CERTAIN]
    if uncertain and not leave_uncertain:
        first = uncertain[0]
        raise CountUncertain(
            metadata={
                "uncertain_line_count": str(len(uncertain)),
                "bin_code": first.bin_code,
                "sku_code": first.sku_code,
                "verdict": first.verdict.name,
            }
        )
    different = [line for line in lines if line.verdict is Verdict.DIFFERENT]
    days = await _days_of_new_lots(conn, count, different)
    movements = [_correction(line, count, days) for line in different]
    if movements:
        await book_movements(conn, Booking(count.scope.warehouse_code, tuple(movements), author))
    costs = await stocktakes.find_costs(conn, sorted({line.sku_code for line in lines}))
    await stocktakes.insert_results(conn, stocktake_id, lines, costs)
    await stocktakes.end_stocktake(conn, count, StocktakeState.APPROVED, author)
    ended = await stocktakes.find_stocktake(conn, stocktake_id)
    return Approved(ended, len(movements), len(uncertain))


async def _judged_under_lock(conn: Conn, count: Stocktake) -> list[Judged]:
    """Every line that was counted. Those that are not as the book has them are judged again when nothing of theirs can
    move any more; what moves meanwhile changes no difference, but may make one uncertain or impossible."""
    first = await judge_counts(conn, count)
    differing = {(line.bin_code, line.sku_code) for line in first if line.verdict is not Verdict.EQUAL}
    if len(differing) > DIFFERENCES_MAX:
        raise TooManyDifferences(metadata={"lines": str(len(differing)), "lines_max": str(DIFFERENCES_MAX)})
    if not differing:
        return first
    keys = sorted({(count.scope.warehouse_code, sku) for _, sku in differing})
    await levels.ensure_levels(conn, keys)
    await levels.lock_levels(conn, keys)
    await lock_places(conn, count.scope.warehouse_code, dict.fromkeys(sorted(differing), 0))
    again = await judge_counts(conn, count, differing)
    same = [line for line in first if (line.bin_code, line.sku_code) not in differing]
    return sorted([*same, *again], key=lambda line: line.key)


async def _days_of_new_lots(conn: Conn, count: Stocktake, lines: Sequence[Judged]) -> Mapping[LotKey, date]:
    """The last days of lots that nobody has received by now, as they were counted."""
    named = {(line.sku_code, line.lot) for line in lines if line.lot}
    if not named:
        return {}
    new = named - set(await find_lots(conn, named))
    return await stocktakes.said_days(conn, count.stocktake_id, new)


def _correction(line: Judged, count: Stocktake, days: Mapping[LotKey, date]) -> Movement:
    """Counted by lot, the units are of that lot, or have none; else what is missing leaves the first lot to expire."""
    found = line.difference > 0
    return Movement(
        MovementKind.COUNT,
        line.sku_code,
        abs(line.difference),
        from_place=places.ADJUSTMENT if found else line.bin_code,
        to_place=line.bin_code if found else places.ADJUSTMENT,
        reason=count.title,
        document=str(count.stocktake_id),
        lot=LotName(line.lot, days.get((line.sku_code, line.lot))) if line.lot else NO_LOT,
        chooses_lot=line.lot is None,
    )
