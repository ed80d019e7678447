"""Record a pick: units for a confirmed reservation, from a bin to packing."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.picking import require_pickable
from lumbung_stock.stores import shortfalls
from lumbung_stock.stores.reservations import add_picked
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.require_goods import require_goods_in_bin
from lumbung_stock.wire.inventory_events import backorder_changed


async def record_pick(conn: Conn, author: Author, reservation_id: UUID, goods: Goods) -> list[LedgerEntry]:
    """What waited for stock and was found all the same waits no longer. One entry for each lot: when none is named, the
    one that expires first and may be sold.

    Raises what `require_goods` and `name_lots` raise, ReservationNotFound, NotConfirmed, MoreThanReserved and
    NotEnoughInBin.
    """
    await require_goods_in_bin(conn, goods)
    reservation = await lock_reservation(conn, reservation_id)
    require_pickable(reservation, goods)
    await add_picked(conn, reservation_id, goods.warehouse_code, goods.sku_code, goods.quantity)
    movement = Movement(
        MovementKind.PICK,
        goods.sku_code,
        goods.quantity,
        goods.bin_code,
        places.PACKING,
        reservation_id=reservation_id,
        lot=goods.lot,
        chooses_lot=True,
    )
    entries = await book_movements(conn, Booking(goods.warehouse_code, (movement,), author))
    level = (goods.warehouse_code, goods.sku_code)
    found = await shortfalls.serve_waiting(conn, [level], reservation_id)
    await events.append(conn, [*map(backorder_changed, found)])
    return entries
