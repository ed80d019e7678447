"""Take a confirmed reservation in: one order for each warehouse that gives units."""

from __future__ import annotations

from lumbung_fulfillment.domain.orders import ConfirmedReservation, parts
from lumbung_fulfillment.stores import clock, couriers, journal, orders
from lumbung_fulfillment.usecases.choose_pickup import choose_pickup
from lumbung_kit.postgres import Conn


async def accept_reservation(conn: Conn, sale: ConfirmedReservation) -> None:
    """No effect on orders that are there already."""
    split = parts(sale.reservation_id, sale.draws)
    timetable = await couriers.timetable(conn, [part.warehouse_code for part in split])
    now = await clock.now(conn)
    for part in split:
        courier, pickup_time = choose_pickup(
            timetable, part.warehouse_code, sale.courier_service, len(part.quantities), now
        )
        if await orders.insert(conn, sale, part, courier, pickup_time):
            await journal.order_accepted(conn, await orders.get(conn, part.order_id))
