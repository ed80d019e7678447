"""Scrap stock: units are thrown away."""

from __future__ import annotations

from datetime import datetime

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods_in_bin
from lumbung_stock.usecases.require_past import require_past


async def scrap_stock(
    conn: Conn, author: Author, goods: Goods, *, reason: str, effective_time: datetime | None = None
) -> LedgerEntry:
    """From a bin, receiving or quarantine to nowhere.

    Raises what `require_goods` and `require_past` raise, and NotEnoughInBin.
    """
    await require_past(conn, effective_time)
    await require_goods_in_bin(conn, goods, besides=places.ARRIVAL)
    movement = Movement(
        MovementKind.SCRAP,
        goods.sku_code,
        goods.quantity,
        goods.bin_code,
        places.SCRAP,
        reason=reason,
        lot=goods.lot,
    )
    return (await book_movements(conn, Booking(goods.warehouse_code, (movement,), author, effective_time)))[0]
