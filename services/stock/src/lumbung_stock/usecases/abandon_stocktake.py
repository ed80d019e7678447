"""Abandon a stocktake: it ends, and nothing is booked."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.stocktakes import OPEN_IN, Stocktake, StocktakeState
from lumbung_stock.stores import stocktakes


async def abandon_stocktake(conn: Conn, author: Author, stocktake_id: UUID, reason: str) -> Stocktake:
    """Raises StocktakeNotFound, StocktakeWrongState."""
    count = await stocktakes.lock_stocktake(conn, stocktake_id)
    count.require(*OPEN_IN)
    await stocktakes.end_stocktake(conn, count, StocktakeState.ABANDONED, author, reason)
    return await stocktakes.find_stocktake(conn, stocktake_id)
