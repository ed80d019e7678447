"""Finish a round of counting: what differs is counted again, or the count goes to review."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.stocktake_failures import StocktakeIncomplete
from lumbung_stock.domain.stocktakes import (
    COUNTED_IN,
    LineKey,
    Stocktake,
    StocktakeState,
    is_counted_again,
    ranked,
    walk_order,
)
from lumbung_stock.stores import stocktakes
from lumbung_stock.usecases.judge_counts import judge_counts


async def finish_count_round(
    conn: Conn, author: Author, stocktake_id: UUID, *, accept_uncounted: bool, skip_recount: bool
) -> tuple[Stocktake, int]:
    """The count as it is then, and how many lines are counted again.

    Raises StocktakeNotFound, StocktakeWrongState, StocktakeIncomplete.
    """
    count = await stocktakes.lock_stocktake(conn, stocktake_id)
    count.require(*COUNTED_IN)
    if not accept_uncounted and (left := await _left(conn, count)):
        raise StocktakeIncomplete(
            metadata={"uncounted_line_count": str(len(left)), "first_bin_code": min(left)[0]}
        )
    again = sorted(
        {
            (each.bin_code, each.sku_code)
            for each in await judge_counts(conn, count)
            if is_counted_again(each, count.round)
        }
    )
    if again and not skip_recount:
        return await count_again(conn, author, count, again), len(again)
    await stocktakes.begin_review(conn, count, author)
    return replace(count, state=StocktakeState.REVIEW), 0


async def _left(conn: Conn, count: Stocktake) -> list[LineKey]:
    """Lines of the round that nobody has counted, and those of which a lot is left."""
    left = await stocktakes.find_uncounted(conn, count, count.round)
    lots = await stocktakes.find_uncounted_lots(conn, count, count.round)
    return [*left, *sorted({(bin_code, sku) for bin_code, sku, _ in lots})]


async def count_again(
    conn: Conn, author: Author, count: Stocktake, lines: list[LineKey], reason: str = ""
) -> Stocktake:
    """Begins another round with these lines. The caller has locked the count."""
    walk = walk_order(await stocktakes.find_bins(conn, count.scope.warehouse_code))
    await stocktakes.begin_round(conn, count, author, reason)
    await stocktakes.insert_lines(conn, count.stocktake_id, count.round + 1, ranked(lines, walk, {}))
    return await stocktakes.find_stocktake(conn, count.stocktake_id)
