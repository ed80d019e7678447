"""Pickups, teams, cut-offs, and orders that may miss their courier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.duration_pb2 import Duration

from lumbung.fulfillment.v1 import couriers_pb2, orders_pb2

JAKARTA = ZoneInfo("Asia/Jakarta")


def _pickup_in(hours: float) -> list[couriers_pb2.Pickup]:
    """Once a week, so many hours from now."""
    time = datetime.now(JAKARTA) + timedelta(hours=hours)
    day = couriers_pb2.Weekday.ValueType(time.isoweekday())
    return [couriers_pb2.Pickup(weekday=day, hour=time.hour, minute=time.minute)]


async def test_a_schedule_is_stored_whole_and_listed(floor: Any) -> None:
    stored = await floor.schedule(
        closed_dates=[couriers_pb2.CalendarDate(year=2027, month=1, day=1)],
        ready_before=Duration(seconds=900),
    )
    await floor.schedule(courier_service="sicepat", is_default=False)
    assert stored.etag
    got = await floor.couriers.GetPickupSchedule(
        couriers_pb2.GetPickupScheduleRequest(warehouse_code="JKT", courier_service="jne-reg")
    )
    assert got.schedule == stored
    listed = await floor.couriers.ListPickupSchedules(
        couriers_pb2.ListPickupSchedulesRequest(warehouse_code="JKT", page_size=1)
    )
    assert [each.courier_service for each in listed.schedules] == ["jne-reg"]
    rest = await floor.couriers.ListPickupSchedules(
        couriers_pb2.ListPickupSchedulesRequest(
            warehouse_code="JKT", page_size=1, page_token=listed.next_page_token
        )
    )
    assert [each.courier_service for each in rest.schedules] == ["sicepat"]
    assert not rest.next_page_token


async def test_a_warehouse_has_one_default_courier(floor: Any) -> None:
    await floor.schedule()
    await floor.schedule(courier_service="sicepat")
    order = await floor.order(RICE=1)
    assert order.courier_service == "sicepat"
    assert await floor.scalar("select count(*) from pickup_schedule where is_default") == 1


async def test_an_old_etag_is_refused(floor: Any, refusal: Any) -> None:
    stored = await floor.schedule()
    await floor.schedule(etag=stored.etag, is_default=False)
    assert (await refusal(floor.schedule(etag=stored.etag))).reason == "ETAG_MISMATCH"


async def test_waiting_orders_move_to_the_pickup_that_they_make_now(floor: Any) -> None:
    order = await floor.order(RICE=1)
    assert not order.HasField("pickup_time")
    assert order.courier_service == ""
    await floor.schedule(pickups=_pickup_in(5))
    moved = await floor.get(order.order_id)
    assert moved.courier_service == "jne-reg"
    pickup = moved.pickup_time.ToDatetime(tzinfo=UTC)
    assert timedelta(hours=4) < pickup - datetime.now(UTC) < timedelta(hours=5, minutes=1)
    coming = await floor.couriers.ListUpcomingPickups(
        couriers_pb2.ListUpcomingPickupsRequest(warehouse_code="JKT")
    )
    assert [(each.courier_service, each.order_count) for each in coming.pickups] == [("jne-reg", 1)]


async def test_a_missed_pickup_rolls_on_to_the_next(floor: Any) -> None:
    await floor.schedule()
    order = await floor.order(RICE=1)
    await floor.scalar("update customer_order set pickup_time = now() - interval '1 h' returning 1")
    (wave,) = (await floor.plan()).waves
    assert wave.pickup_time == order.pickup_time


async def test_until_when_one_may_order(floor: Any, refusal: Any) -> None:
    request = orders_pb2.PromiseCutOffRequest(warehouse_code="JKT")
    assert (await refusal(floor.orders.PromiseCutOff(request))).reason == "SCHEDULE_NOT_FOUND"
    await floor.schedule(pickups=_pickup_in(6))
    free = await floor.orders.PromiseCutOff(request)
    assert free.courier_service == "jne-reg"
    assert free.order_before_time.ToNanoseconds() < free.pickup_time.ToNanoseconds()
    for _ in range(3):
        await floor.order(RICE=1)
    busy = await floor.orders.PromiseCutOff(request)
    assert busy.backlog_work.ToTimedelta() > free.backlog_work.ToTimedelta()
    team = couriers_pb2.Team(
        warehouse_code="JKT",
        picker_count=50,
        packer_count=50,
        per_line=Duration(seconds=10),
        per_pack=Duration(seconds=60),
        walk_speed_mps=1.2,
    )
    stored = (await floor.couriers.SetTeam(couriers_pb2.SetTeamRequest(request_id="t", team=team))).team
    got = await floor.couriers.GetTeam(couriers_pb2.GetTeamRequest(warehouse_code="JKT"))
    assert got.team == stored
    many_hands = await floor.orders.PromiseCutOff(request)
    assert many_hands.order_before_time.ToNanoseconds() > busy.order_before_time.ToNanoseconds()


async def test_orders_at_risk_are_listed_with_what_would_help(floor: Any) -> None:
    await floor.schedule(pickups=_pickup_in(2))
    soon = await floor.order(RICE=1)
    unknown = await floor.order(courier="nobody-knows", RICE=1)
    request = orders_pb2.ListOrdersAtRiskRequest(warehouse_code="JKT", slack_below=Duration(seconds=4 * 3600))
    risky = (await floor.orders.ListOrdersAtRisk(request)).orders
    assert [(each.order.order_id, each.advice) for each in risky] == [
        (unknown.order_id, orders_pb2.RISK_ADVICE_SET_SCHEDULE),
        (soon.order_id, orders_pb2.RISK_ADVICE_PLAN_NOW),
    ]
    assert risky[1].slack.ToTimedelta() < timedelta(hours=2)
    await floor.plan()
    planned = (await floor.orders.ListOrdersAtRisk(request)).orders
    assert planned[1].advice == orders_pb2.RISK_ADVICE_CLAIM_WAVE
