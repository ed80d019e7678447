"""Choose the courier pickup that an order is meant for: the first that its own work leaves time for."""

from __future__ import annotations

from datetime import datetime

from lumbung_fulfillment.domain.cutoffs import own_work
from lumbung_fulfillment.stores.couriers import Timetable


def choose_pickup(
    timetable: Timetable, warehouse_code: str, wanted_courier: str, lines: int, now: datetime
) -> tuple[str, datetime | None]:
    """The courier service and its pickup; no pickup when no schedule is known."""
    found = timetable.courier(warehouse_code, wanted_courier)
    if found is None:
        return wanted_courier, None
    earliest = now + own_work(timetable.team(warehouse_code), lines)
    times = found.schedule.after(earliest, 1)
    return found.courier_service, times[0] if times else None
