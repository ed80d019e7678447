"""Cancellations at every stage, and goods going back to their bins."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.fulfillment.v1 import (
    bookings_pb2,
    orders_pb2,
    packing_pb2,
    shipments_pb2,
    terminal_pb2,
    waves_pb2,
)


async def _put_backs(floor: Any, order_id: str) -> list[terminal_pb2.PutBack]:
    request = terminal_pb2.ListPutBacksRequest(warehouse_code="JKT", order_id=order_id)
    return list((await floor.terminals.ListPutBacks(request)).put_backs)


async def _put_back(
    floor: Any, session_id: str, put_back: terminal_pb2.PutBack, **changes: Any
) -> terminal_pb2.ConfirmPutBackResponse:
    usual: dict[str, Any] = {
        "request_id": floor.new_id(),
        "session_id": session_id,
        "put_back_id": put_back.put_back_id,
        "bin_barcode": put_back.suggested_bin_code,
        "item_barcode": f"BC-{put_back.sku_code}",
        "quantity": put_back.quantity,
    }
    return await floor.terminals.ConfirmPutBack(terminal_pb2.ConfirmPutBackRequest(**usual | changes))


async def test_in_the_queue_it_is_just_gone(floor: Any) -> None:
    order = await floor.order(RICE=1)
    floor.stock.cancel(order.reservation_id)
    cancelled = await floor.until(order.order_id, "CANCELLED")
    assert cancelled.reason == "changed mind"
    assert not await _put_backs(floor, order.order_id)
    assert not (await floor.plan()).waves


async def test_in_a_wave_its_tasks_are_dropped_and_its_units_are_free(floor: Any) -> None:
    floor.stock.units["A1-10", "RICE"] = 0
    cancelled, kept = await floor.order(RICE=9), await floor.order(SALT=1)
    (wave,) = (await floor.plan()).waves
    floor.stock.cancel(cancelled.reservation_id)
    await floor.until(cancelled.order_id, "CANCELLED")
    other = await floor.order(RICE=9)
    assert [o.order_id for w in (await floor.plan()).waves for o in w.orders] == [other.order_id]
    terminal = await floor.sign_in()
    claimed = await terminal.claim(wave_id=wave.wave_id)
    open_tasks = [task for task in claimed.tasks if task.state == waves_pb2.PICK_STATE_OPEN]
    assert [task.order_id for task in open_tasks] == [kept.order_id]


async def test_a_wave_of_cancelled_orders_is_not_given_to_anybody(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    (wave,) = (await floor.plan()).waves
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    found = (await floor.waves.GetWave(waves_pb2.GetWaveRequest(wave_id=wave.wave_id))).wave
    assert found.state == waves_pb2.WAVE_STATE_CANCELLED
    terminal = await floor.sign_in()
    assert (await refusal(terminal.claim())).reason == "NO_WAVE_WAITING"


async def test_while_picking_what_was_picked_goes_back(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=2, SUGAR=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    first, second = await terminal.tasks()
    await terminal.pick(first)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    refused = await refusal(terminal.pick(second))
    assert (refused.reason, refused.metadata["state"]) == ("TASK_CLOSED", "CANCELLED")
    (put_back,) = await _put_backs(floor, order.order_id)
    assert (put_back.sku_code, put_back.quantity, put_back.suggested_bin_code) == ("RICE", 2, first.bin_code)
    assert floor.stock.units["PACKING", "RICE"] == 2
    part = await _put_back(floor, terminal.session_id, put_back, quantity=1)
    assert part.put_back.state == terminal_pb2.PUT_BACK_STATE_OPEN
    rest = await _put_back(floor, terminal.session_id, put_back, quantity=1, bin_barcode="A3-18")
    assert rest.put_back.state == terminal_pb2.PUT_BACK_STATE_DONE
    assert rest.booking.state == bookings_pb2.BOOKING_STATE_DONE
    assert floor.stock.units["PACKING", "RICE"] == 0
    assert floor.stock.units["A3-18", "RICE"] == 1
    assert not await _put_backs(floor, order.order_id)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bin_barcode": "NOWHERE"}, "UNKNOWN_BIN"),
        ({"item_barcode": "BC-TEA"}, "WRONG_ITEM"),
        ({"item_barcode": "?"}, "UNKNOWN_BARCODE"),
        ({"quantity": 9}, "TOO_MANY"),
    ],
)
async def test_a_wrong_put_back_is_refused_and_counted_once(
    floor: Any, refusal: Any, changes: dict[str, Any], reason: str
) -> None:
    order, terminal = await floor.picked(RICE=2)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    (put_back,) = await _put_backs(floor, order.order_id)
    for _ in range(2):
        wrong = _put_back(floor, terminal.session_id, put_back, request_id="put-back-1", **changes)
        assert (await refusal(wrong)).reason == reason
    assert await floor.scalar("select count(*) from wrong_scan") == 1
    assert floor.stock.units["PACKING", "RICE"] == 2


async def test_after_packing_the_parcel_is_void(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    assert len(await _put_backs(floor, order.order_id)) == 1
    assert (await refusal(floor.ship(order.order_id))).reason == "ORDER_CANCELLED"
    states = await floor.scalar("select string_agg(state, ',') from package")
    assert states == "void"


async def test_shipping_and_cancelling_race_in_stock_and_one_wins(floor: Any, refusal: Any) -> None:
    """Stock has cancelled the sale, and its event has not come yet when the parcel is shipped."""
    order = await floor.packed(RICE=1)
    floor.stock.cancel(order.reservation_id, tell=False)
    refused = await refusal(floor.ship(order.order_id, "ship-1"))
    assert refused.reason == "ORDER_CANCELLED"
    assert (await refusal(floor.ship(order.order_id, "ship-1"))).reason == "ORDER_CANCELLED"
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_CANCELLED
    assert len(await _put_backs(floor, order.order_id)) == 1
    (shipment,) = (await floor.shipments.ListShipments(shipments_pb2.ListShipmentsRequest())).shipments
    assert shipment.state == shipments_pb2.SHIPMENT_STATE_VOID
    floor.stock.cancel(order.reservation_id)
    await floor.order(TEA=1)
    assert len(await _put_backs(floor, order.order_id)) == 1


@pytest.mark.parametrize("back_to", ["A0-05", "A3-18"])
async def test_a_pick_that_stock_never_saw_goes_back_without_a_trace(floor: Any, back_to: str) -> None:
    """Stock cancels between scan and booking: for the ledger the goods never left their bin."""
    order = await floor.order(RICE=2)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    floor.stock.cancel(order.reservation_id, tell=False)
    picked = await terminal.pick(task)
    assert picked.booking.state == bookings_pb2.BOOKING_STATE_VOID
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_CANCELLED
    (put_back,) = await _put_backs(floor, order.order_id)
    assert floor.stock.units["A0-05", "RICE"] == 10
    response = await _put_back(floor, terminal.session_id, put_back, bin_barcode=back_to)
    moved = [call[0] for call in floor.stock.calls]
    if back_to == task.bin_code:
        assert not response.HasField("booking")
        assert moved == []
    else:
        assert moved == ["MoveBetweenBins"]
    assert floor.stock.units[back_to, "RICE"] >= 2
    assert sum(floor.stock.units[code, "RICE"] for code in floor.stock.bins) == 13


async def test_units_in_a_tote_that_the_ledger_has_in_the_bin_are_not_planned(floor: Any) -> None:
    floor.stock.units["A1-10", "RICE"] = 0
    order = await floor.order(RICE=9)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    floor.stock.cancel(order.reservation_id, tell=False)
    await terminal.pick(task)
    waiting = await floor.order(RICE=2)
    planned = await floor.plan()
    assert [out.order_id for out in planned.left_out] == [waiting.order_id]
    (put_back,) = await _put_backs(floor, order.order_id)
    await _put_back(floor, terminal.session_id, put_back)
    assert (await floor.plan()).waves


async def test_a_put_back_waits_for_stocks_answer_to_the_pick(floor: Any, refusal: Any) -> None:
    order = await floor.order(RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    floor.stock.refused_next = ["NOT_ENOUGH_IN_BIN"]
    await terminal.pick(task)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    (put_back,) = await _put_backs(floor, order.order_id)
    refused = await refusal(_put_back(floor, terminal.session_id, put_back))
    assert (refused.reason, refused.metadata["state"]) == ("BOOKING_PENDING", "REFUSED")


async def test_packing_a_cancelled_order_is_refused(floor: Any, refusal: Any) -> None:
    order, _ = await floor.picked(RICE=1)
    start = packing_pb2.StartPackageRequest(request_id="s", order_id=order.order_id, station_code="p")
    package = (await floor.packing.StartPackage(start)).package
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    check = packing_pb2.CheckItemRequest(
        request_id="c", package_id=package.package_id, item_barcode="BC-RICE"
    )
    assert (await refusal(floor.packing.CheckItem(check))).reason == "PACKAGE_CLOSED"
    start.request_id = "s2"
    assert (await refusal(floor.packing.StartPackage(start))).reason == "ORDER_WRONG_STATE"
