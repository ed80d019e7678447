"""Record a put-back: picked units go from packing into a bin."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.picking import require_picked
from lumbung_stock.stores.reservations import add_picked
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.require_goods import require_goods_in_bin


async def record_put_back(
    conn: Conn, author: Author, reservation_id: UUID, goods: Goods
) -> list[LedgerEntry]:
    """One entry for each lot.

    Raises what `require_goods` and `name_lots` raise, ReservationNotFound, and MoreThanPicked.
    """
    await require_goods_in_bin(conn, goods)
    reservation = await lock_reservation(conn, reservation_id)
    require_picked(reservation, goods)
    await add_picked(conn, reservation_id, goods.warehouse_code, goods.sku_code, -goods.quantity)
    movement = Movement(
        MovementKind.PUT_BACK,
        goods.sku_code,
        goods.quantity,
        places.PACKING,
        goods.bin_code,
        reservation_id=reservation_id,
        lot=goods.lot,
        chooses_lot=True,
    )
    return await book_movements(conn, Booking(goods.warehouse_code, (movement,), author))
