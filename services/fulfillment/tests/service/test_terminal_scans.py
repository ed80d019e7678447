"""Scans at a terminal: the right ones count once, the wrong ones change nothing and are counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lumbung.fulfillment.v1 import bookings_pb2, orders_pb2, terminal_pb2, waves_pb2

MAY_CHANGE = {"wrong_scan"}


@pytest.fixture
async def working(floor: Any) -> Any:
    """A terminal with a wave of one order: 2 rice, 1 salt."""
    await floor.order(RICE=2, SALT=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    return terminal


@pytest.mark.parametrize(
    ("changes", "reason", "metadata"),
    [
        ({"bin_barcode": "A3-18"}, "WRONG_BIN", {"expected": "A1-10", "scanned": "A3-18"}),
        ({"item_barcode": "BC-TEA"}, "WRONG_ITEM", {"scanned": "TEA"}),
        ({"item_barcode": "8991234567890"}, "UNKNOWN_BARCODE", {"scanned": "8991234567890"}),
        ({"item_barcode": "CTN-RICE", "quantity": 1}, "TOO_MANY", {"wanted": "2", "scanned": "6"}),
        ({"quantity": 3}, "TOO_MANY", {"wanted": "2", "scanned": "3"}),
    ],
)
async def test_a_wrong_scan_is_refused_and_counted_once(
    floor: Any, working: Any, refusal: Any, changes: dict[str, Any], reason: str, metadata: dict[str, str]
) -> None:
    task = next(task for task in await working.tasks() if task.sku_code == "RICE")
    before = await floor.everything()
    scan = working.scan(task, **changes)
    refused = await refusal(floor.terminals.ConfirmPick(scan))
    assert refused.reason == reason
    assert metadata.items() <= dict(refused.metadata).items()
    again = await refusal(floor.terminals.ConfirmPick(scan))
    assert (again.reason, dict(again.metadata)) == (refused.reason, dict(refused.metadata))
    after = await floor.everything()
    assert {table for table in after if after[table] != before[table]} == MAY_CHANGE
    assert await floor.scalar("select count(*) from wrong_scan") == 1
    assert not floor.stock.calls


async def test_a_refused_scan_stays_refused_when_it_would_be_right_later(
    floor: Any, working: Any, refusal: Any
) -> None:
    task = (await working.tasks())[0]
    scan = working.scan(task, quantity=task.quantity + 1)
    assert (await refusal(floor.terminals.ConfirmPick(scan))).reason == "TOO_MANY"
    scan.quantity = task.quantity
    assert (await refusal(floor.terminals.ConfirmPick(scan))).reason == "REQUEST_ID_REUSED"
    scan.request_id = "another"
    assert (await floor.terminals.ConfirmPick(scan)).counted_quantity == task.quantity


async def test_a_scan_sent_again_counts_once(floor: Any, working: Any, refusal: Any) -> None:
    task = next(task for task in await working.tasks() if task.quantity == 2)
    scan = working.scan(task, quantity=1)
    answers = await asyncio.gather(
        *(floor.terminals.ConfirmPick(scan) for _ in range(4)), return_exceptions=True
    )
    counted = [answer for answer in answers if isinstance(answer, terminal_pb2.ConfirmPickResponse)]
    assert counted
    again = await floor.terminals.ConfirmPick(scan)
    assert again == counted[0]
    assert again.task.picked_quantity == 1
    scan.quantity = 2
    assert (await refusal(floor.terminals.ConfirmPick(scan))).reason == "REQUEST_ID_REUSED"
    assert await floor.scalar("select count(*) from pick_scan") == 1
    assert [call[0] for call in floor.stock.calls] == ["RecordPick"]


async def test_a_carton_counts_its_pieces(floor: Any) -> None:
    await floor.order(SUGAR=13)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    cartons = await terminal.pick(task, item_barcode="CTN-SUGAR", quantity=2)
    assert cartons.counted_quantity == 12
    assert cartons.task.state == waves_pb2.PICK_STATE_OPEN
    assert (await terminal.pick(cartons.task)).wave_done
    assert floor.stock.units["PACKING", "SUGAR"] == 13


async def test_a_closed_task_takes_no_more(floor: Any, working: Any, refusal: Any) -> None:
    task = (await working.tasks())[0]
    await working.pick(task)
    refused = await refusal(working.pick(task, quantity=1))
    assert (refused.reason, refused.metadata["state"]) == ("TASK_CLOSED", "PICKED")


async def test_a_scan_taken_back_opens_the_task(floor: Any, working: Any, refusal: Any) -> None:
    task = next(task for task in await working.tasks() if task.sku_code == "RICE")
    scan = working.scan(task)
    await floor.terminals.ConfirmPick(scan)
    undo = terminal_pb2.UndoPickRequest(
        request_id="undo-1", session_id=working.session_id, scan_request_id=scan.request_id
    )
    undone = await floor.terminals.UndoPick(undo)
    assert (undone.returned_quantity, undone.task.state) == (2, waves_pb2.PICK_STATE_OPEN)
    assert undone.booking.state == bookings_pb2.BOOKING_STATE_DONE
    assert undone == await floor.terminals.UndoPick(undo)
    assert floor.stock.units["PACKING", "RICE"] == 0
    undo.request_id = "undo-2"
    assert (await refusal(floor.terminals.UndoPick(undo))).reason == "SCAN_UNDONE"
    order = (await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())).orders[0]
    assert order.state == orders_pb2.ORDER_STATE_PLANNED
    last = await working.pick_all()
    assert last.wave_done
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_PICKED


def _undo(floor: Any, terminal: Any, scan: Any) -> Any:
    return floor.terminals.UndoPick(
        terminal_pb2.UndoPickRequest(
            request_id=floor.new_id(), session_id=terminal.session_id, scan_request_id=scan.request_id
        )
    )


async def _last_scan(floor: Any, terminal: Any) -> Any:
    """The scan that ends the wave."""
    *others, last = await terminal.tasks()
    for task in others:
        await terminal.pick(task)
    scan = terminal.scan(last)
    assert (await floor.terminals.ConfirmPick(scan)).wave_done
    return scan


async def test_the_last_scan_of_a_wave_is_taken_back_too(floor: Any, working: Any) -> None:
    scan = await _last_scan(floor, working)
    undone = await _undo(floor, working, scan)
    assert undone.task.state == waves_pb2.PICK_STATE_OPEN
    order = (await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())).orders[0]
    assert (order.state, order.wave_id) == (orders_pb2.ORDER_STATE_PICKING, working.wave.wave_id)
    wave = (await floor.waves.GetWave(waves_pb2.GetWaveRequest(wave_id=order.wave_id))).wave
    assert (wave.state, wave.HasField("end_time")) == (waves_pb2.WAVE_STATE_CLAIMED, False)
    assert (await working.claim()).wave_id == order.wave_id
    assert (await working.pick(undone.task)).wave_done
    picked = await floor.until(order.order_id, "PICKED")
    await floor.pack(picked)
    await floor.ship(order.order_id)


async def test_a_wave_is_not_reopened_under_another(floor: Any, working: Any, refusal: Any) -> None:
    scan = await _last_scan(floor, working)
    other = await floor.sign_in("t-2")
    assert (await refusal(_undo(floor, other, scan))).reason == "WAVE_NOT_YOURS"
    await floor.order(TEA=1)
    taken = await other.claim("cart-1")
    assert (await refusal(_undo(floor, working, scan))).reason == "CART_IN_USE"
    other.wave = taken
    await other.pick_all()
    await floor.order(TEA=1)
    await working.claim("cart-7")
    refused = await refusal(_undo(floor, working, scan))
    assert (refused.reason, refused.metadata["state"]) == ("WAVE_WRONG_STATE", "DONE")
    assert floor.stock.units["PACKING", "RICE"] == 2


async def test_what_is_being_packed_is_not_taken_back(floor: Any, working: Any, refusal: Any) -> None:
    scan = await _last_scan(floor, working)
    order = (await floor.orders.ListOrders(orders_pb2.ListOrdersRequest())).orders[0]
    await floor.filled(order)
    assert (await refusal(_undo(floor, working, scan))).reason == "ORDER_WRONG_STATE"


async def test_the_catalog_away_counts_nothing(floor: Any, working: Any, refusal: Any) -> None:
    task = (await working.tasks())[0]
    floor.catalog.is_down = True
    scan = working.scan(task)
    refused = await refusal(floor.terminals.ConfirmPick(scan))
    assert refused.reason == "DEPENDENCY_UNAVAILABLE"
    assert await floor.scalar("select count(*) from wrong_scan") == 0
    floor.catalog.is_down = False
    assert (await floor.terminals.ConfirmPick(scan)).counted_quantity == task.quantity


async def test_a_replay_after_signing_out_gets_its_first_answer(
    floor: Any, working: Any, refusal: Any
) -> None:
    task = (await working.tasks())[0]
    scan = working.scan(task)
    first = await floor.terminals.ConfirmPick(scan)
    await floor.terminals.SignOut(
        terminal_pb2.SignOutRequest(request_id="out", session_id=working.session_id)
    )
    assert await floor.terminals.ConfirmPick(scan) == first
    fresh = working.scan(task, quantity=1)
    assert (await refusal(floor.terminals.ConfirmPick(fresh))).reason == "SESSION_ENDED"
