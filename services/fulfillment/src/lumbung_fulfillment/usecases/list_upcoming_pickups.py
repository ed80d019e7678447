"""List the coming pickups of a warehouse as instants."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from lumbung_fulfillment.domain.holidays import Holiday
from lumbung_fulfillment.stores import clock, couriers, orders
from lumbung_fulfillment.usecases.list_orders_at_risk import ORDERS_READ_MAX
from lumbung_kit.postgres import Conn

_SCHEDULES_MAX = 200


@dataclass(frozen=True, slots=True)
class UpcomingPickup:
    """One pickup, and how many unshipped orders are meant for it."""

    courier_service: str
    pickup_time: datetime
    ready_time: datetime
    order_count: int


async def list_upcoming_pickups(
    conn: Conn, warehouse_code: str, courier_service: str, within: timedelta, limit: int
) -> tuple[list[UpcomingPickup], list[tuple[str, Holiday]]]:
    """In order of time, at most `limit`; and the holidays for which couriers stay away, by courier service."""
    now = await clock.now(conn)
    unshipped = await orders.unshipped(conn, warehouse_code, ORDERS_READ_MAX)
    meant = Counter((order.courier_service, order.pickup_time) for order in unshipped)
    found: list[UpcomingPickup] = []
    days_off: list[tuple[str, Holiday]] = []
    for stored in await couriers.page(conn, warehouse_code, "", _SCHEDULES_MAX):
        if courier_service and stored.courier_service != courier_service:
            continue
        schedule = stored.schedule
        days_off += [(stored.courier_service, holiday) for holiday in schedule.days_off(now, now + within)]
        for time in schedule.after(now - schedule.ready_before, limit):
            if time <= now + within:
                count = meant[stored.courier_service, time]
                found.append(UpcomingPickup(stored.courier_service, time, schedule.ready_time(time), count))
    found.sort(key=lambda pickup: (pickup.pickup_time, pickup.courier_service))
    days_off.sort(key=lambda each: (each[1].day, each[0]))
    return found[:limit], days_off[:limit]
