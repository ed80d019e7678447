"""Another warehouse gives goods of a sale: what is to be picked here follows at every stage."""

from __future__ import annotations

from typing import Any

from lumbung.fulfillment.v1 import orders_pb2, waves_pb2

ELSEWHERE = "SBY"


async def _elsewhere(floor: Any, eventually: Any, reservation_id: str, **lines: int) -> orders_pb2.Order:
    """The other warehouse's order, once it has just these lines."""
    request = orders_pb2.ListOrdersRequest(reservation_id=reservation_id, warehouse_code=ELSEWHERE)

    async def found() -> orders_pb2.Order | None:
        for order in (await floor.orders.ListOrders(request)).orders:
            if _needed(order) == lines:
                return order
        return None

    order: orders_pb2.Order = await eventually(found)
    return order


def _needed(order: orders_pb2.Order) -> dict[str, int]:
    return {line.sku_code: line.quantity for line in order.lines}


async def test_in_the_queue_the_order_shrinks_and_the_other_one_begins_and_grows(
    floor: Any, eventually: Any
) -> None:
    order = await floor.order(RICE=3, SUGAR=1)
    floor.stock.resource(order.reservation_id, ELSEWHERE, RICE=1)
    other = await _elsewhere(floor, eventually, order.reservation_id, RICE=1)
    assert (other.state, other.order_reference) == (orders_pb2.ORDER_STATE_QUEUED, order.order_reference)
    assert _needed(await floor.get(order.order_id)) == {"RICE": 2, "SUGAR": 1}
    floor.stock.resource(order.reservation_id, ELSEWHERE, RICE=1, SUGAR=1)
    await _elsewhere(floor, eventually, order.reservation_id, RICE=2, SUGAR=1)
    assert _needed(await floor.get(order.order_id)) == {"RICE": 1}


async def test_all_of_it_goes_and_what_was_picked_is_put_back(floor: Any, eventually: Any) -> None:
    order, _ = await floor.picked(RICE=2)
    floor.stock.resource(order.reservation_id, ELSEWHERE, RICE=2)
    await _elsewhere(floor, eventually, order.reservation_id, RICE=2)
    cancelled = await floor.until(order.order_id, "CANCELLED")
    assert cancelled.reason == "another warehouse gives its goods"


async def test_in_a_wave_its_tasks_are_dropped_and_the_rest_is_picked(floor: Any, eventually: Any) -> None:
    order = await floor.order(RICE=2, SUGAR=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    floor.stock.resource(order.reservation_id, ELSEWHERE, SUGAR=1)
    await _elsewhere(floor, eventually, order.reservation_id, SUGAR=1)
    open_skus = [task.sku_code for task in await terminal.tasks() if task.state == waves_pb2.PICK_STATE_OPEN]
    assert open_skus == ["RICE"]
    await terminal.pick_all()
    picked = await floor.until(order.order_id, "PICKED")
    await floor.pack(picked)
    await floor.ship(order.order_id)


async def test_a_short_order_has_all_it_needs_when_another_gives_the_rest(
    floor: Any, eventually: Any
) -> None:
    order = await floor.order(SALT=2, RICE=1)
    await floor.plan()
    terminal = await floor.sign_in()
    await terminal.claim()
    salt = next(task for task in await terminal.tasks() if task.sku_code == "SALT")
    await terminal.short(salt)
    await terminal.pick_all()
    await floor.until(order.order_id, "SHORT")
    floor.stock.resource(order.reservation_id, ELSEWHERE, SALT=2)
    await _elsewhere(floor, eventually, order.reservation_id, SALT=2)
    picked = await floor.until(order.order_id, "PICKED")
    assert _needed(picked) == {"RICE": 1}
    await floor.pack(picked)
    await floor.ship(order.order_id)


async def test_a_packed_order_that_gets_more_is_completed_and_packed_again(
    floor: Any, eventually: Any
) -> None:
    order = await floor.packed(RICE=1)
    floor.stock.sales[order.reservation_id].message.draws.add(
        warehouse_code=ELSEWHERE, sku_code="RICE", quantity=2
    )
    floor.stock.resource(order.reservation_id, "JKT", source=ELSEWHERE, RICE=2)
    short = await floor.until(order.order_id, "SHORT")
    assert _needed(short) == {"RICE": 3}
    await floor.plan()
    terminal = await floor.sign_in("t-2")
    await terminal.claim(cart_code="cart-2")
    await terminal.pick_all()
    await floor.pack(await floor.until(order.order_id, "PICKED"))
    await floor.ship(order.order_id)
