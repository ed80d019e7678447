"""Record a replacement: a customer gets another unit in place of a wrong one."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.picking import spread_replacement
from lumbung_stock.stores.reservations import add_replaced
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.require_goods import require_goods_in_bin


async def record_replacement(
    conn: Conn, author: Author, reservation_id: UUID, goods: Goods, *, reason: str, document: str
) -> LedgerEntry:
    """Any warehouse may give the units, out of a bin, as long as nobody was promised them.

    Raises what `require_goods` raises, ReservationNotFound, NotShipped, MoreThanReplaceable, NotEnoughAvailable and
    NotEnoughInBin.
    """
    await require_goods_in_bin(conn, goods)
    reservation = await lock_reservation(conn, reservation_id)
    for draw, units in spread_replacement(reservation, goods):
        await add_replaced(conn, reservation_id, draw.warehouse_code, draw.sku_code, units)
    movement = Movement(
        MovementKind.REPLACEMENT,
        goods.sku_code,
        goods.quantity,
        goods.bin_code,
        places.CUSTOMER,
        reason=reason,
        document=document,
        reservation_id=reservation_id,
        lot=goods.lot,
    )
    booking = Booking(goods.warehouse_code, (movement,), author)
    return (await book_movements(conn, booking, unpromised_alone=True))[0]
