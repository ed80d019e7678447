"""Roll waiting orders whose pickup has passed on to the next one."""

from __future__ import annotations

from lumbung_fulfillment.stores import clock, couriers, orders
from lumbung_fulfillment.usecases.choose_pickup import choose_pickup
from lumbung_kit.postgres import Conn

_USUAL_LINES = 1


async def roll_missed_pickups(conn: Conn, warehouse_code: str) -> int:
    """How many orders got another pickup."""
    missed = await orders.missed(conn, warehouse_code)
    if not missed:
        return 0
    timetable = await couriers.timetable(conn, [warehouse_code])
    now = await clock.now(conn)
    moved = []
    for order_id, courier in missed:
        service, pickup_time = choose_pickup(timetable, warehouse_code, courier, _USUAL_LINES, now)
        moved.append((order_id, pickup_time, service))
    await orders.set_pickups(conn, moved)
    return len(moved)
