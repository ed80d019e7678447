"""Set when a courier comes; waiting orders are moved to the pickup that they make now."""

from __future__ import annotations

from lumbung_fulfillment.stores import clock, couriers, orders
from lumbung_fulfillment.stores.couriers import CourierSchedule
from lumbung_fulfillment.usecases.choose_pickup import choose_pickup
from lumbung_kit.postgres import Conn

_USUAL_LINES = 1


async def set_pickup_schedule(conn: Conn, wanted: CourierSchedule) -> CourierSchedule:
    """As stored. Raises EtagMismatch."""
    stored = await couriers.put_schedule(conn, wanted)
    timetable = await couriers.timetable(conn, [wanted.warehouse_code])
    now = await clock.now(conn)
    moved = []
    for order_id, courier in await orders.to_reschedule(conn, wanted.warehouse_code, wanted.courier_service):
        service, pickup_time = choose_pickup(timetable, wanted.warehouse_code, courier, _USUAL_LINES, now)
        moved.append((order_id, pickup_time, service))
    await orders.set_pickups(conn, moved)
    return stored
