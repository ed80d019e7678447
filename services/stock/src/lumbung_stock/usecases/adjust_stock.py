"""Adjust stock: correct a bin's figure by a difference, with a reason."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods


async def adjust_stock(
    conn: Conn,
    author: Author,
    warehouse_code: str,
    sku_code: str,
    *,
    bin_code: str,
    difference: int,
    reason: str,
    document: str,
) -> LedgerEntry:
    """Units come from, or go to, ADJUSTMENT. Raises what `require_goods` raises, and NotEnoughInBin."""
    await require_goods(conn, warehouse_code, [Named("sku_code", sku_code)], [Named("bin_code", bin_code)])
    ends = (places.ADJUSTMENT, bin_code) if difference > 0 else (bin_code, places.ADJUSTMENT)
    movement = Movement(
        MovementKind.ADJUSTMENT, sku_code, abs(difference), *ends, reason=reason, document=document
    )
    return (await book_movements(conn, Booking(warehouse_code, (movement,), author)))[0]
