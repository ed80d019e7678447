"""An order is held at any stage and goes on from where its goods are; meanwhile nobody works on it."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.fulfillment.v1 import orders_pb2, packing_pb2, waves_pb2


async def _hold(floor: Any, order_id: str, **changes: Any) -> orders_pb2.Order:
    usual = {"request_id": floor.new_id(), "order_id": order_id, "reason": "the buyer asked to wait"}
    return (await floor.orders.HoldOrder(orders_pb2.HoldOrderRequest(**usual | changes))).order


async def _resume(floor: Any, order_id: str, request_id: str = "") -> orders_pb2.Order:
    request = orders_pb2.ResumeOrderRequest(request_id=request_id or floor.new_id(), order_id=order_id)
    return (await floor.orders.ResumeOrder(request)).order


async def test_one_that_waits_is_planned_into_no_wave(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    held = await _hold(floor, order.order_id, request_id="hold-1")
    assert (held.state, held.reason) == (orders_pb2.ORDER_STATE_HELD, "the buyer asked to wait")
    assert await _hold(floor, order.order_id, request_id="hold-1") == held
    assert (await refusal(_hold(floor, order.order_id, request_id="hold-1", reason="x"))).reason == (
        "REQUEST_ID_REUSED"
    )
    again = await refusal(_hold(floor, order.order_id))
    assert (again.reason, again.metadata["state"]) == ("ORDER_WRONG_STATE", "HELD")
    assert not (await floor.plan()).waves
    resumed = await _resume(floor, order.order_id, "resume-1")
    assert (resumed.state, resumed.reason) == (orders_pb2.ORDER_STATE_QUEUED, "")
    assert await _resume(floor, order.order_id, "resume-1") == resumed
    assert (await refusal(_resume(floor, order.order_id))).reason == "ORDER_WRONG_STATE"
    assert len((await floor.plan()).waves) == 1
    assert (await floor.event_kinds(4))[:3] == ["order_accepted", "order_held", "order_resumed"]


async def test_of_one_in_a_wave_the_open_tasks_are_dropped_and_its_units_stay_in_its_tote(
    floor: Any, refusal: Any
) -> None:
    held, kept = await floor.order(RICE=2, SUGAR=1), await floor.order(SALT=1)
    await floor.plan()
    terminal = await floor.sign_in()
    tasks = (await terminal.claim()).tasks
    rice = next(task for task in tasks if task.sku_code == "RICE")
    sugar = next(task for task in tasks if task.sku_code == "SUGAR")
    await terminal.pick(rice)
    await _hold(floor, held.order_id)
    refused = await refusal(terminal.pick(sugar))
    assert (refused.reason, refused.metadata["state"]) == ("TASK_CLOSED", "CANCELLED")
    last = await terminal.pick_all()
    assert last is not None
    assert last.wave_done
    assert (await floor.get(kept.order_id)).state == orders_pb2.ORDER_STATE_PICKED
    assert not (await floor.plan()).waves

    resumed = await _resume(floor, held.order_id)
    assert resumed.state == orders_pb2.ORDER_STATE_SHORT
    (wave,) = (await floor.plan()).waves
    assert [o.order_id for o in wave.orders] == [held.order_id]
    (task,) = (await terminal.claim()).tasks
    assert (task.sku_code, task.quantity) == ("SUGAR", 1)
    await terminal.pick(task)
    picked = await floor.until(held.order_id, "PICKED")
    await floor.pack(picked)
    await floor.ship(held.order_id)


async def test_a_wave_of_held_orders_is_given_to_nobody(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    (wave,) = (await floor.plan()).waves
    await _hold(floor, order.order_id)
    found = (await floor.waves.GetWave(waves_pb2.GetWaveRequest(wave_id=wave.wave_id))).wave
    assert found.state == waves_pb2.WAVE_STATE_CANCELLED
    assert (await _resume(floor, order.order_id)).state == orders_pb2.ORDER_STATE_QUEUED
    assert len((await floor.plan()).waves) == 1


async def test_one_that_is_picked_is_not_packed(floor: Any, refusal: Any) -> None:
    order, _ = await floor.picked(RICE=1)
    start = packing_pb2.StartPackageRequest(
        request_id="start", order_id=order.order_id, station_code="pack-1"
    )
    package = (await floor.packing.StartPackage(start)).package
    await _hold(floor, order.order_id)
    check = packing_pb2.CheckItemRequest(
        request_id="check", package_id=package.package_id, item_barcode="BC-RICE", quantity=1
    )
    close = packing_pb2.ClosePackageRequest(request_id="close", package_id=package.package_id)
    start.request_id = "start-again"
    for call in (
        floor.packing.CheckItem(check),
        floor.packing.ClosePackage(close),
        floor.packing.StartPackage(start),
    ):
        refused = await refusal(call)
        assert refused.reason in ("ORDER_WRONG_STATE", "PACKAGE_INCOMPLETE")
    resumed = await _resume(floor, order.order_id)
    assert resumed.state == orders_pb2.ORDER_STATE_PICKED
    assert resumed.pick_end_time == order.pick_end_time
    await floor.packing.CheckItem(check)
    await floor.packing.ClosePackage(close)
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_PACKED


async def test_one_that_is_packed_is_not_shipped(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    await _hold(floor, order.order_id)
    refused = await refusal(floor.ship(order.order_id))
    assert (refused.reason, refused.metadata["state"]) == ("ORDER_WRONG_STATE", "HELD")
    assert (await _resume(floor, order.order_id)).state == orders_pb2.ORDER_STATE_PACKED
    await floor.ship(order.order_id)
    late = await refusal(_hold(floor, order.order_id))
    assert (late.reason, late.metadata["state"]) == ("ORDER_WRONG_STATE", "SHIPPED")


async def test_one_that_stock_has_been_asked_about_is_not_held(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    floor.stock.is_down = True
    await floor.ship(order.order_id)
    refused = await refusal(_hold(floor, order.order_id))
    assert (refused.reason, refused.metadata["state"]) == ("ORDER_WRONG_STATE", "SHIPPING")


@pytest.mark.parametrize("stage", ["picking", "packed"])
async def test_a_held_order_can_be_cancelled_and_its_goods_go_back(floor: Any, stage: str) -> None:
    if stage == "packed":
        order = await floor.packed(RICE=1)
    else:
        order = await floor.order(RICE=1, SUGAR=1)
        await floor.plan()
        terminal = await floor.sign_in()
        await terminal.pick((await terminal.claim()).tasks[0])
    await _hold(floor, order.order_id)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    assert await floor.scalar("select count(*) from put_back where state = 'open'") == 1


async def test_a_held_parcel_that_another_warehouse_has_to_add_to_is_void(
    floor: Any, eventually: Any
) -> None:
    order = await floor.packed(RICE=1)
    await _hold(floor, order.order_id)
    sale = floor.stock.sales[order.reservation_id].message
    sale.draws.add(warehouse_code="SBY", sku_code="TEA", quantity=1)
    floor.stock.resource(order.reservation_id, target="JKT", source="SBY", TEA=1)

    async def void() -> bool:
        return await floor.scalar("select count(*) from package where state = 'void'") == 1

    await eventually(void)
    resumed = await _resume(floor, order.order_id)
    assert resumed.state == orders_pb2.ORDER_STATE_SHORT
    assert len((await floor.plan()).waves) == 1
