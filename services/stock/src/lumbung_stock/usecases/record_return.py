"""Record a return: goods come back from a customer into a bin, quarantine or scrap."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.picking import ReturnCondition, place_of_return, spread_return
from lumbung_stock.domain.skus import Named
from lumbung_stock.stores.reservations import add_returned
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.require_goods import require_goods
from lumbung_stock.usecases.require_past import require_past


async def record_return(
    conn: Conn,
    author: Author,
    reservation_id: UUID,
    goods: Goods,
    *,
    condition: ReturnCondition,
    reason: str,
    effective_time: datetime | None = None,
) -> list[LedgerEntry]:
    """Any warehouse may take them back; only goods to be sold again need a bin.

    Raises what `require_goods` and `require_past` raise, ReservationNotFound, NotShipped, and MoreThanShipped.
    """
    await require_past(conn, effective_time)
    bins = [Named("bin_code", goods.bin_code)] if condition is ReturnCondition.RESTOCK else []
    await require_goods(conn, goods.warehouse_code, [Named("sku_code", goods.sku_code)], bins)
    reservation = await lock_reservation(conn, reservation_id)
    for draw, units in spread_return(reservation, goods):
        await add_returned(conn, reservation_id, draw.warehouse_code, draw.sku_code, units)
    movement = Movement(
        MovementKind.RETURN,
        goods.sku_code,
        goods.quantity,
        places.CUSTOMER,
        place_of_return(condition, goods.bin_code),
        reason=reason,
        reservation_id=reservation_id,
        lot=goods.lot,
        chooses_lot=True,
    )
    return await book_movements(conn, Booking(goods.warehouse_code, (movement,), author, effective_time))
