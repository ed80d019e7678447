"""A courier who rests on holidays, as the RPCs tell of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.fulfillment.v1 import couriers_pb2 as pb
from lumbung.fulfillment.v1 import orders_pb2
from lumbung_fulfillment.domain import pickups
from lumbung_fulfillment.domain.holidays import DayOff, Holiday

TOMORROW = datetime.now(UTC).date() + timedelta(days=1)


@pytest.fixture
def holiday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Today and the next two days are one, whenever the test runs."""

    def holiday_on(day: date, kinds: frozenset[DayOff]) -> Holiday | None:
        is_off = abs((day - TOMORROW).days) <= 1 and DayOff.PUBLIC in kinds
        return Holiday(day, DayOff.PUBLIC, "A Feast", "Hari Raya") if is_off else None

    monkeypatch.setattr(pickups, "holiday_on", holiday_on)


async def test_pickups_and_promises_wait_until_the_courier_comes_again(floor: Any, holiday: None) -> None:
    await floor.schedule()
    before = await floor.order(RICE=1)
    assert (before.pickup_time.ToDatetime(UTC) + timedelta(hours=7)).date() <= TOMORROW + timedelta(days=1)

    stored = await floor.schedule(rests_on_holidays=True, rests_on_joint_leave=True)
    assert (stored.rests_on_holidays, stored.rests_on_joint_leave) == (True, True)
    asked = pb.GetPickupScheduleRequest(warehouse_code="JKT", courier_service="jne-reg")
    assert (await floor.couriers.GetPickupSchedule(asked)).schedule == stored

    coming = await floor.couriers.ListUpcomingPickups(
        pb.ListUpcomingPickupsRequest(warehouse_code="JKT", within=Duration(seconds=6 * 86_400))
    )
    first = coming.pickups[0].pickup_time
    assert (first.ToDatetime(UTC) + timedelta(hours=7)).date() == TOMORROW + timedelta(days=2)
    assert len(coming.days_off) in (2, 3)
    assert {(day.courier_service, day.name_en, day.name_id) for day in coming.days_off} == {
        ("jne-reg", "A Feast", "Hari Raya")
    }
    assert not coming.days_off[0].is_joint_leave
    assert (await floor.get(before.order_id)).pickup_time == first, "a waiting order moves along"
    assert (await floor.order(TEA=1)).pickup_time == first
    promised = await floor.orders.PromiseCutOff(orders_pb2.PromiseCutOffRequest(warehouse_code="JKT"))
    assert promised.pickup_time == first
    assert not promised.ships_today
