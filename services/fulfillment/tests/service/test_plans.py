"""Planning over the contract: nothing is promised twice, nothing disappears, and the same request plans once."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import couriers_pb2, orders_pb2, waves_pb2


async def _all_waves(floor: Any, **filters: Any) -> list[waves_pb2.Wave]:
    listed = (await floor.waves.ListWaves(waves_pb2.ListWavesRequest(**filters))).waves
    return [(await floor.waves.GetWave(waves_pb2.GetWaveRequest(wave_id=w.wave_id))).wave for w in listed]


async def test_planners_at_the_same_time_promise_each_unit_once(floor: Any) -> None:
    orders = [await floor.order(RICE=2, SALT=1) for _ in range(9)]
    plans = await asyncio.gather(*(floor.plan(max_waves=2) for _ in range(5)))
    promised = Counter[tuple[str, str]]()
    riding = Counter[str]()
    for wave in await _all_waves(floor):
        riding.update(order.order_id for order in wave.orders)
        for task in wave.tasks:
            promised[task.bin_code, task.sku_code] += task.quantity
    assert all(count == 1 for count in riding.values())
    assert all(units <= floor.stock.units[place] for place, units in promised.items())
    assert promised.total() == sum(wave.unit_count for plan in plans for wave in plan.waves)
    queued = await floor.orders.ListOrders(
        orders_pb2.ListOrdersRequest(states=[orders_pb2.ORDER_STATE_QUEUED])
    )
    assert len(riding) + len(queued.orders) == len(orders)
    assert len(riding) == 6, "thirteen rice are enough for six orders of two"


async def test_the_last_unit_is_promised_to_one(floor: Any) -> None:
    floor.stock.bin("A3-03", 3, 3, LAST=1)
    first, second = await floor.order(LAST=1), await floor.order(LAST=1)
    planned = await floor.plan()
    assert [order.order_id for wave in planned.waves for order in wave.orders] == [first.order_id]
    (left_out,) = planned.left_out
    assert (left_out.order_id, left_out.reason) == (
        second.order_id,
        waves_pb2.LEFT_OUT_REASON_NO_BIN_STOCK,
    )
    assert list(left_out.sku_codes) == ["LAST"]
    assert (await floor.get(second.order_id)).state == orders_pb2.ORDER_STATE_QUEUED


async def test_the_same_request_plans_once(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=1)
    first = await floor.plan(request_id="plan-1")
    await floor.order(RICE=1)
    assert await floor.plan(request_id="plan-1") == first
    assert (await refusal(floor.plan(request_id="plan-1", max_waves=1))).reason == "REQUEST_ID_REUSED"
    assert len((await floor.plan()).waves) == 1


async def test_nothing_to_plan_is_an_answer(floor: Any) -> None:
    planned = await floor.plan()
    assert (planned.plan.wave_count, list(planned.waves), list(planned.left_out)) == (0, [], [])
    stored = await floor.waves.GetPlan(waves_pb2.GetPlanRequest(plan_id=planned.plan.plan_id))
    assert stored.plan == planned.plan


async def test_a_cart_is_not_overloaded_and_too_large_an_order_is_named(floor: Any) -> None:
    large = await floor.order(SUGAR=11)
    for _ in range(5):
        await floor.order(SUGAR=1)
    planned = await floor.plan(cart=waves_pb2.CartCapacity(units=10, totes=3))
    assert sorted(len(wave.orders) for wave in planned.waves) == [2, 3]
    (left_out,) = planned.left_out
    assert (left_out.order_id, left_out.reason) == (
        large.order_id,
        waves_pb2.LEFT_OUT_REASON_LARGER_THAN_CART,
    )


async def test_a_cart_is_not_overloaded_by_weight(floor: Any, refusal: Any) -> None:
    floor.catalog.weights_g = {"RICE": 5_000, "SUGAR": 900}
    heavy = await floor.order(RICE=3, SUGAR=1)
    light = [await floor.order(RICE=1), await floor.order(RICE=1), await floor.order(SALT=1)]
    cart = waves_pb2.CartCapacity(weight_g=9_999)
    floor.catalog.is_down = True
    assert (await refusal(floor.plan(cart=cart))).reason == "DEPENDENCY_UNAVAILABLE"
    floor.catalog.is_down = False
    planned = await floor.plan(cart=cart)
    assert [(out.order_id, list(out.measures)) for out in planned.left_out] == [
        (heavy.order_id, [waves_pb2.CART_MEASURE_WEIGHT])
    ]
    assert list(planned.unsized_sku_codes) == ["SALT"]
    carts = [{order.order_id for order in wave.orders} for wave in planned.waves]
    assert len(carts) == 2
    assert not any({light[0].order_id, light[1].order_id} <= riding for riding in carts)
    asked = floor.catalog.asked_skus
    assert asked == 1, "no limit of weight, no question"
    unlimited = await floor.plan()
    assert [order.order_id for wave in unlimited.waves for order in wave.orders] == [heavy.order_id]
    assert (floor.catalog.asked_skus, list(unlimited.unsized_sku_codes)) == (asked, [])


async def test_orders_for_different_pickups_never_share_a_cart(floor: Any) -> None:
    await floor.schedule()
    today = await floor.order(RICE=1)
    whenever = await floor.order(courier="nobody-knows", RICE=1)
    planned = await floor.plan(budget=Duration(seconds=2))
    assert [[o.order_id for o in wave.orders] for wave in planned.waves] == [
        [today.order_id],
        [whenever.order_id],
    ]
    assert planned.waves[0].HasField("pickup_time")
    assert not planned.waves[1].HasField("pickup_time")


async def test_a_known_team_takes_later_pickups_along_and_names_who_is_late(floor: Any) -> None:
    soon = datetime.now(ZoneInfo("Asia/Jakarta")) + timedelta(minutes=50)
    at = [
        couriers_pb2.Pickup(weekday=couriers_pb2.Weekday.ValueType(day), hour=soon.hour, minute=soon.minute)
        for day in range(1, 8)
    ]
    await floor.schedule(pickups=at)
    urgent, later = await floor.order(RICE=1), await floor.order(courier="nobody-knows", RICE=1)
    team = couriers_pb2.Team(
        warehouse_code=urgent.warehouse_code,
        picker_count=1,
        packer_count=1,
        per_line=Duration(seconds=5),
        per_cart=Duration(seconds=60),
        per_pack=Duration(seconds=30),
        walk_speed_mps=1.0,
    )
    await floor.couriers.SetTeam(couriers_pb2.SetTeamRequest(request_id="team", team=team))
    planned = await floor.plan()
    (wave,) = planned.waves
    assert {order.order_id for order in wave.orders} == {urgent.order_id, later.order_id}
    assert (wave.pickup_time, list(planned.late_orders)) == (urgent.pickup_time, [])
    explained = await floor.waves.ExplainWave(waves_pb2.ExplainWaveRequest(wave_id=wave.wave_id))
    why = {order.order_id: order for order in explained.orders}
    assert why[urgent.order_id].ready_by_time == urgent.pickup_time
    assert why[urgent.order_id].latest_start_time == wave.latest_start_time
    assert not why[later.order_id].HasField("pickup_time")
    assert not why[later.order_id].HasField("latest_start_time")
    await floor.waves.CancelWave(
        waves_pb2.CancelWaveRequest(request_id="c", wave_id=wave.wave_id, reason="slower now")
    )
    team.per_cart.seconds = 3_600
    await floor.couriers.SetTeam(couriers_pb2.SetTeamRequest(request_id="slow", team=team))
    planned = await floor.plan()
    (late,) = planned.late_orders
    assert (late.order_id, late.ready_by_time) == (urgent.order_id, urgent.pickup_time)
    assert late.expected_ready_time.seconds > late.ready_by_time.seconds
    assert [len(wave.orders) for wave in planned.waves] == [1, 1], "who is late already is not kept longer"
    first, second = planned.waves
    (told,) = (await floor.waves.ExplainWave(waves_pb2.ExplainWaveRequest(wave_id=second.wave_id))).orders
    assert (told.other_wave_id, told.other_added_walk_m) == (first.wave_id, 0)
    assert (told.added_walk_m, told.placement) == (second.walk_m, waves_pb2.PLACEMENT_OTHER_PICKUP)
    assert told.sentence.endswith("would add 0 m, but that one goes for other pickups.")


async def test_only_pickups_up_to_a_time_are_planned(floor: Any) -> None:
    await floor.schedule()
    order = await floor.order(RICE=1)
    before = Timestamp(seconds=order.pickup_time.seconds - 60)
    assert not (await floor.plan(pickup_until_time=before)).waves
    assert (await floor.plan(pickup_until_time=order.pickup_time)).waves


async def test_batched_waves_walk_less_than_order_by_order(floor: Any) -> None:
    for _ in range(4):
        await floor.order(RICE=1, SUGAR=1)
    planned = await floor.plan()
    totals = planned.plan
    assert totals.walk_m < totals.order_by_order_walk_m
    assert totals.walk_m <= totals.first_come_walk_m <= totals.first_come_s_shape_walk_m
    (wave,) = planned.waves
    explained = await floor.waves.ExplainWave(waves_pb2.ExplainWaveRequest(wave_id=wave.wave_id))
    assert [order.order_id for order in explained.orders] == [order.order_id for order in wave.orders]
    assert all(order.added_walk_m <= order.alone_walk_m + 1e-6 for order in explained.orders)
    assert wave.order_by_order_walk_m == sum(order.alone_walk_m for order in explained.orders)


async def test_a_wave_taken_apart_queues_its_orders_again(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    (wave,) = (await floor.plan()).waves
    cancel = waves_pb2.CancelWaveRequest(request_id="c", wave_id=wave.wave_id, reason="cart is broken")
    cancelled = (await floor.waves.CancelWave(cancel)).wave
    assert cancelled.state == waves_pb2.WAVE_STATE_CANCELLED
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_QUEUED
    (again,) = (await floor.plan()).waves
    terminal = await floor.sign_in()
    await terminal.claim(wave_id=again.wave_id)
    cancel.request_id, cancel.wave_id = "c2", again.wave_id
    assert (await refusal(floor.waves.CancelWave(cancel))).reason == "WAVE_WRONG_STATE"


async def test_stock_away_plans_nothing(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    floor.stock.is_down = True
    assert (await refusal(floor.plan())).reason == "DEPENDENCY_UNAVAILABLE"
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_QUEUED


async def test_an_unknown_warehouse_and_a_bin_on_no_aisle(floor: Any, refusal: Any) -> None:
    assert (await refusal(floor.plan(warehouse_code="NOWHERE"))).reason == "WAREHOUSE_NOT_FOUND"
    floor.stock.bin("LOST", 9, 1, LOST=1)
    await floor.order(LOST=1)
    assert (await refusal(floor.plan())).reason == "LAYOUT_UNUSABLE"


async def test_waves_are_listed_newest_first_page_by_page(floor: Any) -> None:
    for _ in range(3):
        await floor.order(RICE=1)
    planned = await floor.plan(cart=waves_pb2.CartCapacity(totes=1))
    seen: list[str] = []
    token = ""
    while True:
        request = waves_pb2.ListWavesRequest(page_size=2, page_token=token, plan_id=planned.plan.plan_id)
        page = await floor.waves.ListWaves(request)
        seen += [wave.wave_id for wave in page.waves]
        token = page.next_page_token
        if not token:
            break
    assert sorted(seen) == sorted(wave.wave_id for wave in planned.waves)
