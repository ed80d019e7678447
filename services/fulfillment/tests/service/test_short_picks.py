"""A bin has too little: other bins on the way give the rest, or the order waits, and never disappears."""

from __future__ import annotations

from typing import Any

from lumbung.fulfillment.v1 import bookings_pb2, orders_pb2, waves_pb2


async def _task_of(terminal: Any, sku_code: str) -> waves_pb2.PickTask:
    return next(task for task in await terminal.tasks() if task.sku_code == sku_code)


async def test_another_bin_on_the_way_gives_the_rest(floor: Any) -> None:
    order = await floor.order(RICE=3, SUGAR=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    task = await _task_of(terminal, "RICE")
    assert task.bin_code == "A0-05"
    await terminal.pick(task, quantity=1)
    short = await terminal.short(task, note="two are broken")
    assert (short.missing_quantity, short.unsourced_quantity) == (2, 0)
    assert short.task.state == waves_pb2.PICK_STATE_SHORT
    (replacement,) = short.replacement_tasks
    assert (replacement.bin_code, replacement.quantity) == ("A1-10", 2)
    assert replacement.replaces_task_id == task.task_id
    assert short.booking.state == bookings_pb2.BOOKING_STATE_DONE
    open_bins = [t.bin_code for t in await terminal.tasks() if t.state == waves_pb2.PICK_STATE_OPEN]
    assert open_bins == ["A3-18", "A1-10"], "on the way back"
    assert short.next_task.bin_code == "A3-18"
    await terminal.pick_all()
    picked = await floor.until(order.order_id, "PICKED")
    assert {line.sku_code: line.picked_quantity for line in picked.lines} == {"RICE": 3, "SUGAR": 1}
    assert floor.stock.units["ADJUSTMENT", "RICE"] == 2
    await floor.pack(picked)
    await floor.ship(order.order_id)


async def test_where_no_bin_has_it_the_order_waits_and_is_planned_again(floor: Any, eventually: Any) -> None:
    order = await floor.order(SALT=2, RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    short = await terminal.short(await _task_of(terminal, "SALT"))
    assert (short.missing_quantity, short.unsourced_quantity) == (2, 2)
    assert not short.replacement_tasks
    assert not short.wave_done
    assert (await terminal.pick_all()).wave_done
    waiting = await floor.get(order.order_id)
    assert waiting.state == orders_pb2.ORDER_STATE_SHORT
    assert {line.sku_code: line.short_quantity for line in waiting.lines} == {"SALT": 2, "RICE": 0}

    left_out = await floor.plan()
    assert [(out.order_id, list(out.sku_codes)) for out in left_out.left_out] == [(order.order_id, ["SALT"])]
    assert floor.stock.units["A1-10", "SALT"] == 6, "the ledger has some, but nobody is sent there again"

    floor.stock.receive("A2-12", "SALT", 5)

    async def planned_again() -> bool:
        return bool((await floor.plan()).waves)

    await eventually(planned_again)
    (task,) = (await terminal.claim()).tasks
    assert (task.sku_code, task.bin_code, task.quantity) == ("SALT", "A2-12", 2)
    await terminal.pick(task)
    picked = await floor.until(order.order_id, "PICKED")
    await floor.pack(picked)
    shipment = await floor.ship(order.order_id)
    assert shipment.booking.state == bookings_pb2.BOOKING_STATE_DONE


async def test_a_bin_in_doubt_is_used_again_after_goods_came_to_it(floor: Any, eventually: Any) -> None:
    await floor.order(SALT=1)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    await terminal.short(task)
    assert await floor.scalar("select count(*) from bin_doubt") == 1
    floor.stock.receive("A1-10", "SALT", 1)

    async def cleared() -> bool:
        return await floor.scalar("select count(*) from bin_doubt") == 0

    await eventually(cleared)
    assert (await floor.plan()).waves


async def test_reporting_twice_is_once(floor: Any, refusal: Any) -> None:
    await floor.order(RICE=2)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    first = await terminal.short(task, request_id="short-1")
    assert await terminal.short(task, request_id="short-1") == first
    assert (await refusal(terminal.short(task))).reason == "TASK_CLOSED"
    assert (
        await refusal(terminal.short(task, request_id="short-1", note="other"))
    ).reason == "REQUEST_ID_REUSED"
    assert await floor.scalar("select count(*) from short_pick") == 1


async def test_what_the_ledger_does_not_have_is_not_booked(floor: Any) -> None:
    """Somebody has taken the goods out of the book meanwhile: there is nothing to tell stock."""
    await floor.order(TEA=2)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    floor.stock.units[task.bin_code, "TEA"] = 0
    short = await terminal.short(task)
    assert not short.HasField("booking")
    assert short.replacement_tasks[0].bin_code != task.bin_code
    assert not await floor.unfinished()


async def test_other_picks_of_the_bin_are_not_taken_for_missing(floor: Any) -> None:
    """Six of tea: one picker has taken five of them, which stock has not booked yet, the other one finds one of two."""
    floor.stock.units["A0-15", "TEA"] = 0
    first = await floor.order(TEA=4)
    await floor.order(TEA=2)
    await floor.plan(cart=waves_pb2.CartCapacity(totes=1))
    one, two = await floor.sign_in("t-1"), await floor.sign_in("t-2")
    (taken,) = (await one.claim("cart-1")).tasks
    (asked,) = (await two.claim("cart-2")).tasks
    assert taken.order_id == first.order_id
    await one.pick(taken)
    short = await two.short(asked)
    assert short.missing_quantity == 2
    assert floor.stock.units["A2-12", "TEA"] == 0
    assert floor.stock.units["ADJUSTMENT", "TEA"] == 2


async def test_what_no_bin_has_another_warehouse_is_asked_for(floor: Any) -> None:
    floor.stock.units["A1-10", "SALT"] = 2
    floor.stock.helper = "SBY"
    order = await floor.order(SALT=2, RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    salt = await _task_of(terminal, "SALT")
    await terminal.pick(salt, quantity=1)
    short = await terminal.short(salt)
    assert short.unsourced_quantity == 1
    await terminal.pick_all()
    picked = await floor.until(order.order_id, "PICKED")
    assert {line.sku_code: line.quantity for line in picked.lines} == {"SALT": 1, "RICE": 1}
    request = orders_pb2.ListOrdersRequest(reservation_id=order.reservation_id, warehouse_code="SBY")
    (elsewhere,) = (await floor.orders.ListOrders(request)).orders
    assert {line.sku_code: line.quantity for line in elsewhere.lines} == {"SALT": 1}
    calls = [(method, actor) for method, _, actor in floor.stock.calls if method.startswith("R")]
    asked = [place for place, (method, _) in enumerate(calls) if method == "ResourceShortfall"]
    told = [place for place, (method, _) in enumerate(calls) if method == "RecordShortPick"]
    assert len(asked) == 1
    assert told[0] < asked[0], "stock knows that the bin is empty before it is asked who else has it"
    assert calls[asked[0]][1] == "service:fulfillment"


async def test_where_no_warehouse_gives_it_the_order_waits_and_nothing_is_held_up(
    floor: Any, eventually: Any
) -> None:
    order = await floor.order(SALT=2, RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    await terminal.short(await _task_of(terminal, "SALT"))
    await terminal.pick_all()
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_SHORT
    await floor.until_all_booked()
    listed = await floor.bookings.ListBookings(
        bookings_pb2.ListBookingsRequest(order_id=order.order_id, state=bookings_pb2.BOOKING_STATE_VOID)
    )
    assert [(each.kind, each.last_error) for each in listed.bookings] == [
        (bookings_pb2.BOOKING_KIND_RESOURCE, "NOT_SHORT")
    ]
    assert floor.stock.units["PACKING", "RICE"] == 1


async def test_nobody_else_is_asked_when_other_bins_give_it(floor: Any) -> None:
    floor.stock.helper = "SBY"
    await floor.order(RICE=2)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    assert (await terminal.short(task)).unsourced_quantity == 0
    assert await floor.scalar("select count(*) from booking where kind = 'resource'") == 0


async def test_a_shop_that_wants_to_decide_itself_is_not_decided_for(floor: Any) -> None:
    await floor.stop()
    await floor.start(resource_short_picks=False)
    floor.stock.helper = "SBY"
    floor.stock.units["A1-10", "SALT"] = 2
    order = await floor.order(SALT=2)
    await floor.plan()
    terminal = await floor.sign_in()
    (task,) = (await terminal.claim()).tasks
    assert (await terminal.short(task)).unsourced_quantity == 2
    assert (await floor.get(order.order_id)).state == orders_pb2.ORDER_STATE_SHORT
    assert await floor.scalar("select count(*) from booking where kind = 'resource'") == 0
