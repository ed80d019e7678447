"""Steps on their way to stock's ledger: booked once, whatever stops on the way."""

from __future__ import annotations

import asyncio
from typing import Any

from lumbung.fulfillment.v1 import bookings_pb2, orders_pb2, shipments_pb2, terminal_pb2


async def _claimed(floor: Any, **lines: int) -> tuple[Any, Any]:
    await floor.order(**lines)
    await floor.plan()
    terminal = await floor.sign_in()
    return terminal, (await terminal.claim()).tasks


async def test_stock_away_the_scan_counts_and_the_ledger_follows(floor: Any) -> None:
    terminal, (task,) = await _claimed(floor, RICE=2)
    floor.stock.is_down = True
    picked = await terminal.pick(task)
    assert picked.task.picked_quantity == 2
    assert picked.booking.state == bookings_pb2.BOOKING_STATE_QUEUED
    assert picked.booking.attempt_count >= 1
    (waiting,) = await floor.unfinished()
    assert waiting.last_error == "UNAVAILABLE"
    floor.stock.is_down = False
    await floor.until_all_booked()
    assert floor.stock.units["PACKING", "RICE"] == 2
    assert [call[0] for call in floor.stock.calls] == ["RecordPick"]


async def test_a_parcel_waits_while_stock_is_away(floor: Any) -> None:
    order = await floor.packed(RICE=1)
    floor.stock.is_down = True
    shipment = await floor.ship(order.order_id, "ship-1")
    assert shipment.state == shipments_pb2.SHIPMENT_STATE_SHIPPING
    assert shipment.booking.state == bookings_pb2.BOOKING_STATE_QUEUED
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_SHIPPING
    floor.stock.is_down = False
    await floor.until(order.order_id, "SHIPPED")
    assert (await floor.ship(order.order_id, "ship-1")).state == shipments_pb2.SHIPMENT_STATE_SHIPPED


async def test_a_crash_between_booking_and_mark_books_once(floor: Any) -> None:
    """Stock has booked the pick and its answer never comes: the service dies and is started again."""
    terminal, (task,) = await _claimed(floor, RICE=2)
    floor.stock.swallows_answers = True
    scan = terminal.scan(task)
    call = asyncio.ensure_future(terminal.pick(task, request_id=scan.request_id))
    async with asyncio.timeout(60):
        await floor.stock.booked_unanswered.wait()
    assert await floor.scalar("select state from booking") == "queued"
    await floor.stop()
    await asyncio.wait([call])
    floor.stock.swallows_answers = False
    await floor.scalar("update booking set next_attempt_time = now() returning 1")
    await floor.start()
    await floor.until_all_booked()
    assert await floor.scalar("select attempt_count from booking") == 2
    assert [call[0] for call in floor.stock.calls] == ["RecordPick"]
    assert floor.stock.units["PACKING", "RICE"] == 2
    assert (await floor.terminals.ConfirmPick(scan)).task.picked_quantity == 2


async def test_a_crash_before_the_first_attempt_is_made_good(floor: Any) -> None:
    terminal, (task,) = await _claimed(floor, RICE=2)
    floor.stock.is_down = True
    await terminal.pick(task)
    await floor.stop()
    floor.stock.is_down = False
    await floor.scalar("update booking set next_attempt_time = now(), attempt_count = 0 returning 1")
    await floor.start()
    await floor.until_all_booked()
    assert floor.stock.units["PACKING", "RICE"] == 2


async def test_bookings_of_one_order_keep_their_order(floor: Any) -> None:
    terminal, (task,) = await _claimed(floor, SUGAR=5)
    floor.stock.is_down = True
    for _ in range(3):
        await terminal.pick(task, quantity=1)
    floor.stock.is_down = False
    await terminal.pick(task, quantity=2)
    await floor.until_all_booked()
    quantities = [request.quantity for _, request, _ in floor.stock.calls]
    assert quantities == [1, 1, 1, 2]


async def test_what_stock_refuses_is_shown_and_can_be_sent_again(floor: Any, refusal: Any) -> None:
    terminal, (task,) = await _claimed(floor, RICE=2)
    floor.stock.refused_next = ["NOT_ENOUGH_IN_BIN"]
    picked = await terminal.pick(task)
    assert picked.booking.state == bookings_pb2.BOOKING_STATE_REFUSED
    assert picked.booking.last_error == "NOT_ENOUGH_IN_BIN"
    assert "booking_refused" in await floor.event_kinds(6)
    order = (await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())).orders[0]
    await floor.pack(order)
    blocked = await refusal(floor.ship(order.order_id))
    assert blocked.reason == "ORDER_WRONG_STATE"
    assert blocked.metadata["booking_id"] == picked.booking.booking_id
    retry = bookings_pb2.RetryBookingRequest(request_id="r1", booking_id=picked.booking.booking_id)
    retried = (await floor.bookings.RetryBooking(retry)).booking
    await floor.until_all_booked()
    assert retried.stock_request_id != picked.booking.stock_request_id
    retry.request_id = "r2"
    assert (await refusal(floor.bookings.RetryBooking(retry))).reason == "BOOKING_WRONG_STATE"
    assert (await floor.ship(order.order_id)).state == shipments_pb2.SHIPMENT_STATE_SHIPPED


async def test_a_shipment_that_stock_refuses_leaves_the_order_packed(floor: Any, refusal: Any) -> None:
    order = await floor.packed(RICE=1)
    floor.stock.refused_next = ["NOT_PICKED"]
    refused = await refusal(floor.ship(order.order_id))
    assert (refused.reason, refused.metadata["stock_reason"]) == ("SHIPMENT_REFUSED", "NOT_PICKED")
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_PACKED
    assert (await floor.ship(order.order_id)).state == shipments_pb2.SHIPMENT_STATE_SHIPPED


async def test_a_scan_taken_back_that_stock_never_saw_books_nothing(floor: Any) -> None:
    """The pick is void, because stock had cancelled the sale; taking it back must not be booked either."""
    terminal, (task,) = await _claimed(floor, RICE=2)
    floor.stock.is_down = True
    scan = terminal.scan(task, quantity=1)
    await floor.terminals.ConfirmPick(scan)
    await floor.terminals.UndoPick(
        terminal_pb2.UndoPickRequest(
            request_id="u", session_id=terminal.session_id, scan_request_id=scan.request_id
        )
    )
    order = (await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())).orders[0]
    floor.stock.cancel(order.reservation_id, tell=False)
    floor.stock.is_down = False
    await floor.until_all_booked()
    assert not floor.stock.calls
    put_backs = terminal_pb2.ListPutBacksRequest(warehouse_code="JKT")
    assert not (await floor.terminals.ListPutBacks(put_backs)).put_backs
