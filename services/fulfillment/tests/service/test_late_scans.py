"""Scans that are sent later: what happened on the floor is judged by when it happened, and nothing of it is lost."""

from __future__ import annotations

# ruff: noqa: S608 - the statements are written here, and nobody else has a say in them
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import bookings_pb2, orders_pb2, terminal_pb2, waves_pb2

PUT_BACK_OPEN = "select coalesce(sum(quantity - returned_quantity), 0) from put_back where state = 'open'"


def _ago(**span: float) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC) - timedelta(**span))
    return moment


async def _backdate(floor: Any, minutes: int) -> None:
    """As if everything so far had happened so much earlier."""
    for table, columns in {
        "wave_claim": ("begin_time", "end_time"),
        "terminal_session": ("start_time", "end_time"),
        "pick_task": ("close_time",),
    }.items():
        changes = ", ".join(f"{column} = {column} - interval '{minutes} minutes'" for column in columns)
        await floor.scalar(
            f"with moved as (update {table} set {changes} returning 1) select count(*) from moved"
        )


async def _taken_over(floor: Any, **lines: int) -> tuple[Any, Any, Any]:
    """An order whose wave a terminal had 20 to 10 minutes ago, and another one has since."""
    order = await floor.order(**lines)
    await floor.plan()
    dead, alive = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    wave = await dead.claim("cart-1")
    await _backdate(floor, 10)
    statement = "update wave set lease_expire_time = now() - interval '1 s' where wave_id = %s returning 1"
    assert await floor.scalar(statement, wave.wave_id) == 1
    assert (await alive.claim("cart-1")).wave_id == wave.wave_id
    await _backdate(floor, 10)
    return order, dead, alive


async def _put_back(
    floor: Any, terminal: Any, put_back: terminal_pb2.PutBack, **changes: Any
) -> terminal_pb2.ConfirmPutBackResponse:
    usual: dict[str, Any] = {
        "request_id": floor.new_id(),
        "session_id": terminal.session_id,
        "put_back_id": put_back.put_back_id,
        "bin_barcode": put_back.suggested_bin_code,
        "item_barcode": f"BC-{put_back.sku_code}",
        "quantity": put_back.quantity,
    }
    return await floor.terminals.ConfirmPutBack(terminal_pb2.ConfirmPutBackRequest(**usual | changes))


async def test_a_scan_made_before_another_took_over_counts(floor: Any, refusal: Any) -> None:
    order, dead, alive = await _taken_over(floor, RICE=2)
    (task,) = await alive.tasks()
    now = await refusal(dead.pick(task))
    assert now.reason == "WAVE_NOT_YOURS"
    after = await refusal(dead.pick(task, scan_time=_ago(minutes=5)))
    assert after.reason == "WAVE_NOT_YOURS", "somebody else had it by then"
    late = dead.scan(task, scan_time=_ago(minutes=15))
    counted = await floor.terminals.ConfirmPick(late)
    assert (counted.counted_quantity, counted.stray_quantity, counted.wave_done) == (2, 0, True)
    assert counted.booking.state == bookings_pb2.BOOKING_STATE_DONE
    assert await floor.terminals.ConfirmPick(late) == counted
    assert floor.stock.units["PACKING", "RICE"] == 2
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_PICKED
    assert (await refusal(alive.pick(task))).reason == "TASK_CLOSED"


async def test_a_late_scan_does_not_take_the_wave_from_who_has_it(floor: Any) -> None:
    _, dead, alive = await _taken_over(floor, RICE=1, SUGAR=1)
    first, second = await alive.tasks()
    await dead.pick(first, scan_time=_ago(minutes=15))
    wave = (await floor.waves.GetWave(waves_pb2.GetWaveRequest(wave_id=first.wave_id))).wave
    assert (wave.terminal_code, wave.state) == ("t-2", waves_pb2.WAVE_STATE_CLAIMED)
    assert (await alive.pick(second)).wave_done


async def test_what_both_took_goes_back_and_is_sent_for_by_nobody_until_then(
    floor: Any, refusal: Any
) -> None:
    floor.stock.units["A1-10", "RICE"] = 0
    order, dead, alive = await _taken_over(floor, RICE=4)
    (task,) = await alive.tasks()
    await alive.pick(task, quantity=3)
    late = dead.scan(task, quantity=4, scan_time=_ago(minutes=15))
    judged = await floor.terminals.ConfirmPick(late)
    assert (judged.counted_quantity, judged.stray_quantity) == (1, 3)
    assert (judged.put_back.quantity, judged.put_back.suggested_bin_code) == (3, task.bin_code)
    assert await floor.terminals.ConfirmPick(late) == judged
    assert floor.stock.units[task.bin_code, "RICE"] == 6, "three of them are in the tote"
    assert await floor.scalar("select sum(quantity) from stray_scan") == 3

    other = await floor.order(RICE=4)
    left_out = (await floor.plan()).left_out
    assert [(out.order_id, list(out.sku_codes)) for out in left_out] == [(other.order_id, ["RICE"])]
    done = await _put_back(floor, alive, judged.put_back)
    assert done.put_back.state == terminal_pb2.PUT_BACK_STATE_DONE
    assert not done.HasField("booking"), "the ledger never saw them leave"
    assert len((await floor.plan()).waves) == 1

    again = dead.scan(task, quantity=1, scan_time=_ago(minutes=15))
    more = await floor.terminals.ConfirmPick(again)
    assert (more.put_back.put_back_id, more.put_back.quantity) == (done.put_back.put_back_id, 4)
    assert await floor.scalar(PUT_BACK_OPEN) == 1
    await floor.pack(await floor.get(order.order_id))
    await floor.ship(order.order_id)


async def test_stray_goods_put_back_elsewhere_are_moved_in_the_ledger(floor: Any) -> None:
    _, dead, alive = await _taken_over(floor, RICE=1)
    (task,) = await alive.tasks()
    await alive.pick(task)
    judged = await dead.pick(task, quantity=1, scan_time=_ago(minutes=15))
    assert (judged.counted_quantity, judged.stray_quantity) == (0, 1)
    assert not judged.HasField("booking")
    done = await _put_back(floor, alive, judged.put_back, bin_barcode="A3-18")
    assert done.booking.kind == bookings_pb2.BOOKING_KIND_MOVE
    assert floor.stock.units["A3-18", "RICE"] == 1
    assert floor.stock.units[task.bin_code, "RICE"] == 8


async def test_goods_in_a_tote_that_stock_does_not_know_of_are_not_taken_for_missing(floor: Any) -> None:
    floor.stock.units["A1-10", "RICE"] = 0
    _, dead, alive = await _taken_over(floor, RICE=4)
    await floor.order(RICE=6)
    await floor.plan()
    (task,) = await alive.tasks()
    await alive.pick(task)
    await dead.pick(task, quantity=4, scan_time=_ago(minutes=15))
    (next_task,) = (await alive.claim("cart-2")).tasks
    await alive.pick(next_task, quantity=2)
    short = await alive.short(next_task)
    assert short.missing_quantity == 4
    assert not short.HasField("booking"), "four are in a tote, and the ledger has four"


@pytest.mark.parametrize("end", ["signed out", "signed in anew", "paused"])
async def test_a_scan_made_before_the_session_let_go_counts(floor: Any, refusal: Any, end: str) -> None:
    order = await floor.order(RICE=1, SUGAR=1)
    await floor.plan()
    terminal = await floor.sign_in("t-1")
    first, second = (await terminal.claim()).tasks
    if end == "signed out":
        request = terminal_pb2.SignOutRequest(request_id="out", session_id=terminal.session_id)
        await floor.terminals.SignOut(request)
    elif end == "signed in anew":
        await floor.sign_in("t-1")
    else:
        pause = terminal_pb2.PauseWaveRequest(
            request_id="p", session_id=terminal.session_id, wave_id=first.wave_id
        )
        await floor.terminals.PauseWave(pause)
    await _backdate(floor, 10)
    expected = "WAVE_NOT_YOURS" if end == "paused" else "SESSION_ENDED"
    assert (await refusal(terminal.pick(first))).reason == expected
    assert (await refusal(terminal.pick(first, scan_time=_ago(minutes=1)))).reason == expected
    made_then = _ago(minutes=10)
    assert (await terminal.pick(first, scan_time=made_then)).counted_quantity == 1
    assert (await terminal.pick(second, scan_time=made_then)).wave_done
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_PICKED


async def test_what_was_taken_before_the_order_was_cancelled_goes_back(floor: Any, refusal: Any) -> None:
    """The terminal had no Wi-Fi while the order was cancelled: its goods are in the tote, and a task says so."""
    order = await floor.order(RICE=2, SUGAR=1)
    await floor.plan()
    terminal = await floor.sign_in()
    rice, sugar = (await terminal.claim()).tasks
    await terminal.pick(rice, quantity=1)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    await _backdate(floor, 10)
    assert (await refusal(terminal.pick(sugar))).reason == "TASK_CLOSED", "made now: the picker is told"
    assert (await refusal(terminal.pick(sugar, scan_time=_ago(minutes=5)))).reason == "TASK_CLOSED"
    late = await terminal.pick(sugar, scan_time=_ago(minutes=15))
    assert (late.counted_quantity, late.stray_quantity) == (0, 1)
    more = await terminal.pick(rice, quantity=1, scan_time=_ago(minutes=15))
    assert (more.put_back.quantity, more.stray_quantity) == (2, 1), "one errand for both of them"
    assert await floor.scalar(PUT_BACK_OPEN) == 3
    await floor.until_all_booked()
    for put_back in (late.put_back, more.put_back):
        await _put_back(floor, terminal, put_back)
    assert floor.stock.units["PACKING", "RICE"] == 0
    assert floor.stock.units[rice.bin_code, "RICE"] == 10
    assert floor.stock.units["A3-18", "SUGAR"] == 20


async def test_a_late_scan_of_the_wrong_thing_is_refused_and_counted(floor: Any, refusal: Any) -> None:
    _, dead, alive = await _taken_over(floor, RICE=1)
    (task,) = await alive.tasks()
    then = _ago(minutes=15)
    assert (await refusal(dead.pick(task, bin_barcode="A3-18", scan_time=then))).reason == "WRONG_BIN"
    assert (await refusal(dead.pick(task, item_barcode="BC-TEA", scan_time=then))).reason == "WRONG_ITEM"
    assert await floor.scalar("select count(*) from wrong_scan") == 2


@pytest.mark.parametrize("span", [{"hours": 25}, {"minutes": -10}])
async def test_a_time_that_cannot_be_is_refused_by_name(
    floor: Any, refusal: Any, span: dict[str, float]
) -> None:
    await floor.order(RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    refused = await refusal(terminal.pick(task, scan_time=_ago(**span)))
    assert (refused.reason, [each.field for each in refused.fields]) == ("BAD_INPUT", ["scan_time"])
    assert (await terminal.pick(task, scan_time=_ago(minutes=-1))).wave_done
    assert await floor.scalar("select scan_time <= record_time from pick_scan")


async def test_a_stranger_cannot_say_that_it_was_there(floor: Any, refusal: Any) -> None:
    _, _, alive = await _taken_over(floor, RICE=1)
    stranger = await floor.sign_in("t-3")
    (task,) = await alive.tasks()
    refused = await refusal(stranger.pick(task, scan_time=_ago(minutes=15)))
    assert refused.reason == "WAVE_NOT_YOURS"


async def test_goods_that_were_put_back_before_signing_out_are_back(floor: Any, refusal: Any) -> None:
    order, terminal = await floor.picked(RICE=1)
    floor.stock.cancel(order.reservation_id)
    await floor.until(order.order_id, "CANCELLED")
    request = terminal_pb2.ListPutBacksRequest(warehouse_code="JKT", order_id=order.order_id)
    (put_back,) = (await floor.terminals.ListPutBacks(request)).put_backs
    await floor.terminals.SignOut(
        terminal_pb2.SignOutRequest(request_id="out", session_id=terminal.session_id)
    )
    await _backdate(floor, 25 * 60)
    assert (await refusal(_put_back(floor, terminal, put_back))).reason == "SESSION_ENDED"
    await _backdate(floor, -2 * 60)
    done = await _put_back(floor, terminal, put_back)
    assert done.put_back.state == terminal_pb2.PUT_BACK_STATE_DONE
