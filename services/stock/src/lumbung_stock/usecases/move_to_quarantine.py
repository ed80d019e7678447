"""Move units to quarantine, until somebody has looked at them."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods_in_bin


async def move_to_quarantine(conn: Conn, author: Author, goods: Goods, *, reason: str) -> LedgerEntry:
    """From a bin or receiving. Raises what `require_goods` raises, and NotEnoughInBin."""
    await require_goods_in_bin(conn, goods, besides={places.RECEIVING})
    movement = Movement(
        MovementKind.QUARANTINE,
        goods.sku_code,
        goods.quantity,
        goods.bin_code,
        places.QUARANTINE,
        reason=reason,
        lot=goods.lot,
    )
    return (await book_movements(conn, Booking(goods.warehouse_code, (movement,), author)))[0]
