"""A terminal that asks gets the best wave now: when none is planned, one is, for its cart."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from lumbung.fulfillment.v1 import orders_pb2, terminal_pb2, waves_pb2

ONE_TOTE = waves_pb2.CartCapacity(totes=1)


def _ask(floor: Any, terminal: Any, cart_code: str = "cart-1", **changes: Any) -> Any:
    usual = {"request_id": floor.new_id(), "session_id": terminal.session_id, "cart_code": cart_code}
    return floor.terminals.ClaimWave(terminal_pb2.ClaimWaveRequest(**usual | changes))


async def test_orders_that_wait_become_a_wave_when_a_cart_asks(floor: Any, refusal: Any) -> None:
    orders = [await floor.order(RICE=1, SUGAR=1) for _ in range(2)]
    terminal = await floor.sign_in()
    refused = await refusal(_ask(floor, terminal, planned_only=True))
    assert refused.reason == "NO_WAVE_WAITING"
    given = await _ask(floor, terminal, request_id="claim-1")
    assert {o.order_id for o in given.wave.orders} == {order.order_id for order in orders}
    assert (given.wave.state, given.wave.cart_code) == (waves_pb2.WAVE_STATE_CLAIMED, "cart-1")
    assert [task.sequence for task in given.wave.tasks] == list(range(1, len(given.wave.tasks) + 1))
    assert await _ask(floor, terminal, request_id="claim-1") == given
    plan = (await floor.waves.GetPlan(waves_pb2.GetPlanRequest(plan_id=given.wave.plan_id))).plan
    assert (plan.wave_count, plan.order_count) == (1, 2)
    terminal.wave = given.wave
    last = await terminal.pick_all()
    assert last is not None
    assert last.wave_done
    refused = await refusal(_ask(floor, terminal))
    assert (refused.reason, bool(refused.retry_after_s)) == ("NO_WAVE_WAITING", True)


async def test_a_wave_holds_what_the_cart_carries_and_no_other_is_made(floor: Any) -> None:
    for _ in range(3):
        await floor.order(RICE=1)
    terminal = await floor.sign_in()
    wave = (await _ask(floor, terminal, cart=ONE_TOTE, cart_code="cart-9")).wave
    assert len(wave.orders) == 1
    listed = await floor.waves.ListWaves(waves_pb2.ListWavesRequest())
    assert len(listed.waves) == 1
    states = [order.state for order in (await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())).orders]
    assert states.count(orders_pb2.ORDER_STATE_QUEUED) == 2


async def test_a_wave_that_waits_is_given_before_another_is_planned(floor: Any) -> None:
    planned = await floor.order(RICE=1)
    (wave,) = (await floor.plan()).waves
    await floor.order(SUGAR=1)
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    first = (await _ask(floor, one)).wave
    assert (first.wave_id, first.orders[0].order_id) == (wave.wave_id, planned.order_id)
    assert (await _ask(floor, two, "cart-2")).wave.plan_id != wave.plan_id


async def test_a_named_wave_is_not_replaced_by_a_new_one(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=1)
    (wave,) = (await floor.plan()).waves
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    await _ask(floor, one)
    await floor.order(SUGAR=1)
    refused = await refusal(_ask(floor, two, "cart-2", wave_id=wave.wave_id))
    assert (refused.reason, refused.metadata["state"]) == ("WAVE_WRONG_STATE", "CLAIMED")


async def test_terminals_that_ask_at_once_never_get_the_same_order_or_unit(floor: Any) -> None:
    """Ten of rice in all, in two bins; fourteen orders for one, and eight carts."""
    floor.stock.units["A0-05", "RICE"], floor.stock.units["A1-10", "RICE"] = 7, 3
    for _ in range(14):
        await floor.order(RICE=1)
    terminals = [await floor.sign_in(f"t-{n}") for n in range(8)]
    two_totes = waves_pb2.CartCapacity(totes=2)
    answers = await asyncio.gather(
        *(_ask(floor, t, f"cart-{n}", cart=two_totes) for n, t in enumerate(terminals)),
        return_exceptions=True,
    )
    given = [answer.wave for answer in answers if isinstance(answer, terminal_pb2.ClaimWaveResponse)]
    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert (len(given), len(refused)) == (5, 3), "two orders for each cart, as long as there is rice"
    riding = [order.order_id for wave in given for order in wave.orders]
    assert len(riding) == len(set(riding)) == 10
    sent_for: dict[str, int] = {}
    for task in (task for wave in given for task in wave.tasks):
        sent_for[task.bin_code] = sent_for.get(task.bin_code, 0) + task.quantity
    assert sent_for == {"A0-05": 7, "A1-10": 3}


async def test_orders_that_no_bin_can_serve_make_no_wave(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=99)
    terminal = await floor.sign_in()
    assert (await refusal(_ask(floor, terminal))).reason == "NO_WAVE_WAITING"
    assert await floor.scalar("select count(*) from plan") == 0


async def test_stock_is_only_asked_when_an_order_waits(floor: Any, refusal: Any) -> None:
    terminal = await floor.sign_in()
    floor.stock.is_down = True
    assert (await refusal(_ask(floor, terminal))).reason == "NO_WAVE_WAITING"
    await floor.order(RICE=1)
    assert (await refusal(_ask(floor, terminal))).reason == "DEPENDENCY_UNAVAILABLE"
    floor.stock.is_down = False
    assert (await _ask(floor, terminal)).wave.tasks
