"""Release units from quarantine: they were looked at, and are sold again."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods_in_bin


async def release_from_quarantine(conn: Conn, author: Author, goods: Goods, *, reason: str) -> LedgerEntry:
    """Into a bin. Raises what `require_goods` raises, and NotEnoughInBin."""
    await require_goods_in_bin(conn, goods)
    movement = Movement(
        MovementKind.QUARANTINE,
        goods.sku_code,
        goods.quantity,
        places.QUARANTINE,
        goods.bin_code,
        reason=reason,
        lot=goods.lot,
    )
    return (await book_movements(conn, Booking(goods.warehouse_code, (movement,), author)))[0]
