"""Promise until when one may order for which courier pickup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lumbung_fulfillment.domain.cutoffs import promise
from lumbung_fulfillment.domain.failures import ScheduleNotFound
from lumbung_fulfillment.domain.pickups import same_day
from lumbung_fulfillment.stores import clock, couriers, orders
from lumbung_fulfillment.usecases.list_orders_at_risk import ORDERS_READ_MAX
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class CutOff:
    """The pickup that an order placed now makes."""

    courier_service: str
    pickup_time: datetime
    order_before_time: datetime
    ships_today: bool
    backlog_work: timedelta
    read_time: datetime


async def promise_cut_off(conn: Conn, warehouse_code: str, courier_service: str, lines: int) -> CutOff:
    """Raises ScheduleNotFound when that courier never comes."""
    now = await clock.now(conn)
    timetable = await couriers.timetable(conn, [warehouse_code])
    found = timetable.courier(warehouse_code, courier_service)
    metadata = {"warehouse_code": warehouse_code, "courier_service": courier_service}
    if found is None:
        raise ScheduleNotFound(metadata=metadata)
    waiting = [
        order.open_order(timetable.schedule(warehouse_code, order.courier_service))
        for order in await orders.unshipped(conn, warehouse_code, ORDERS_READ_MAX)
    ]
    made = promise(found.schedule, timetable.team(warehouse_code), waiting, lines, now)
    if made is None:
        raise ScheduleNotFound("this courier has no pickup that can be made", metadata=metadata)
    today = same_day(made.pickup_time, now, found.schedule.time_zone)
    return CutOff(found.courier_service, made.pickup_time, made.order_before, today, made.backlog_work, now)
