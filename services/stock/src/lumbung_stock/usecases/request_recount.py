"""Request a recount: lines go back from review to be counted again."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from lumbung_kit.failures import BadInput, FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.stocktakes import LineKey, Stocktake, StocktakeState, by_line
from lumbung_stock.stores import stocktakes
from lumbung_stock.usecases.finish_count_round import count_again


async def request_recount(
    conn: Conn, author: Author, stocktake_id: UUID, lines: Sequence[LineKey], reason: str
) -> Stocktake:
    """Raises StocktakeNotFound, StocktakeWrongState, BadInput for lines that nobody has counted."""
    count = await stocktakes.lock_stocktake(conn, stocktake_id)
    count.require(StocktakeState.REVIEW)
    counted = by_line(await stocktakes.find_scans(conn, stocktake_id))
    wrong = [
        FieldViolation(f"lines[{index}]", "is no line of this stocktake that was counted")
        for index, line in enumerate(lines)
        if line not in counted
    ]
    if wrong:
        raise BadInput(f"{wrong[0].field} {wrong[0].description}", fields=wrong)
    return await count_again(conn, author, count, sorted(set(lines)), reason)
