"""Orders, cancellations and returns take effect once, whatever the channel repeats, delays or reorders."""

from __future__ import annotations

import asyncio
from typing import Any

from lumbung.channel_sync.v1 import channel_orders_pb2 as pb
from lumbung.channel_sync.v1 import channels_pb2 as channels_pb
from lumbung.channel_sync.v1 import events_pb2

ACCEPTED = pb.CHANNEL_ORDER_STATE_ACCEPTED
REFUSED = pb.CHANNEL_ORDER_STATE_REFUSED
CANCELLED = pb.CHANNEL_ORDER_STATE_CANCELLED


def placed(order_id: str, listing_id: str = "TKR-1", quantity: int = 1, **more: Any) -> dict[str, Any]:
    """The body of an order's webhook."""
    return {"order_id": order_id, "lines": [{"listing_id": listing_id, "quantity": quantity}], **more}


async def test_an_order_is_reserved_confirmed_and_accepted(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10, units_per_item=2)
    await world.shows("TKR-1", 5)
    ref = await world.buy("TKR-1", 2, buyer="b-17")
    await world.shop_order_is(ref, "ACCEPTED")
    order = await world.order_is(ref, ACCEPTED)
    assert (order.lines[0].item_quantity, order.lines[0].unit_quantity) == (2, 4)
    assert (order.customer_reference, order.courier_service) == ("tokoria:b-17", "jne-reg")
    reservation = world.stock.reservations[order.reservation_id]
    assert reservation.order.order_reference == ref
    await world.shows("TKR-1", 3)


async def test_an_order_beyond_stock_is_refused_with_its_reason(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 1)
    await world.shows("TKR-1", 1)
    world.stock.available["KOPI-250"] = 0  # sold elsewhere; the channel has not heard yet
    ref = await world.buy("TKR-1")
    order = await world.order_is(ref, REFUSED)
    assert order.reason == "OUT_OF_STOCK"
    await world.shop_order_is(ref, "REJECTED")
    assert world.shop.shop.orders[ref].reason == "OUT_OF_STOCK"
    await world.shows("TKR-1", 0)


async def test_a_flash_sales_limit_per_customer_is_told_to_the_channel(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "POWER-10K", 50)
    world.stock.open_sale("HARBOLNAS", "POWER-10K", 20, limit=1)
    await world.shows("TKR-1", 20)
    first = await world.buy("TKR-1", buyer="ani")
    await world.shop_order_is(first, "ACCEPTED")
    second = await world.buy("TKR-1", buyer="ani")
    await world.shop_order_is(second, "REJECTED")
    assert (await world.order(second)).reason == "CUSTOMER_LIMIT_REACHED"
    await world.shows("TKR-1", 19)


async def test_the_same_webhook_five_times_sells_once(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    answers = await asyncio.gather(
        *(
            world.deliver("order.placed", placed("T-1"), headers={"x-marketplace-delivery-id": str(n)})
            for n in range(5)
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 5
    await world.order_is("T-1", ACCEPTED)
    assert (await world.deliver("order.placed", placed("T-1"))).status_code == 200
    assert world.stock.states() == {"T-1": "CONFIRMED"}
    assert world.stock.available["KOPI-250"] == 9
    assert (await world.order("T-1")).duplicate_count >= 1


async def test_a_cancellation_before_the_order_leaves_a_tombstone(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.deliver("order.cancelled", {"order_id": "T-1", "reason": "salah pilih"})
    buried = await world.order_is("T-1", CANCELLED)
    assert (buried.cancel_reason, len(buried.lines)) == ("salah pilih", 0)
    await world.deliver("order.placed", placed("T-1"))

    async def worked() -> bool:
        return bool(await world.count("inbox WHERE done_time IS NOT NULL") == 2)

    await world.eventually(worked)
    assert (await world.order("T-1")).state == CANCELLED
    assert world.stock.calls == []


async def test_a_cancellation_gives_the_units_back_once(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.shows("TKR-1", 10)
    ref = await world.buy("TKR-1", 3)
    await world.shop_order_is(ref, "ACCEPTED")
    await world.http.post(f"{world.shop_url}/orders/{ref}/cancel", json={"reason": "berubah pikiran"})
    await world.order_is(ref, CANCELLED)
    await world.deliver("order.cancelled", {"order_id": ref, "reason": "berubah pikiran"})
    await world.shows("TKR-1", 10)
    assert world.stock.available["KOPI-250"] == 10
    assert [call for call in world.stock.calls if call.startswith("Cancel")] == [
        f"Cancel tokoria:{ref}:cancel"
    ]


async def test_a_cancellation_while_stock_decides_waits_for_the_answer(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    world.stock.confirms_may_go.clear()
    await world.deliver("order.placed", placed("T-1"))
    await world.stock.confirm_arrived.wait()
    await world.deliver("order.cancelled", {"order_id": "T-1"})
    world.stock.confirms_may_go.set()
    await world.order_is("T-1", CANCELLED)
    assert world.stock.states() == {"T-1": "CANCELLED"}
    assert world.stock.available["KOPI-250"] == 10


async def test_a_cancellation_after_shipping_is_too_late_and_the_channel_hears_it(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.shows("TKR-1", 10)
    ref = await world.buy("TKR-1")
    order = await world.order_is(ref, ACCEPTED)
    await world.shop_order_is(ref, "ACCEPTED")
    world.stock.shipped.add(order.reservation_id)
    await world.http.post(f"{world.shop_url}/orders/{ref}/cancel", json={})
    await world.shop_order_is(ref, "ACCEPTED")

    async def noted() -> bool:
        return bool((await world.order(ref)).cancel_came_too_late)

    await world.eventually(noted)
    await world.shows("TKR-1", 9)


async def test_the_seller_cancels_and_the_channel_is_told(world: Any, refusal: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.shows("TKR-1", 10)
    ref = await world.buy("TKR-1", 2)
    await world.order_is(ref, ACCEPTED)
    request = pb.CancelChannelOrderRequest(
        request_id="cancel-1", channel_code="tokoria", order_ref=ref, reason="kemasan rusak"
    )
    cancelled = (await world.orders.CancelChannelOrder(request)).order
    assert (cancelled.state, cancelled.cancel_reason) == (CANCELLED, "kemasan rusak")
    assert (await world.orders.CancelChannelOrder(request)).order.state == CANCELLED
    await world.shop_order_is(ref, "CANCELLED")
    assert world.stock.available["KOPI-250"] == 10
    request.reason = "alasan lain"
    assert (await refusal(world.orders.CancelChannelOrder(request))).reason == "REQUEST_ID_REUSED"


async def test_what_shipped_cannot_be_cancelled_by_the_seller(world: Any, refusal: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.deliver("order.placed", placed("T-1"))
    order = await world.order_is("T-1", ACCEPTED)
    world.stock.shipped.add(order.reservation_id)
    request = pb.CancelChannelOrderRequest(
        request_id="cancel-1", channel_code="tokoria", order_ref="T-1", reason="kemasan rusak"
    )
    assert (await refusal(world.orders.CancelChannelOrder(request))).reason == "ALREADY_SHIPPED"


async def test_a_cancellation_in_stock_itself_reaches_the_channel(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.shows("TKR-1", 10)
    ref = await world.buy("TKR-1")
    await world.order_is(ref, ACCEPTED)
    await world.shop_order_is(ref, "ACCEPTED")
    world.stock.cancel_by_staff(ref)
    await world.order_is(ref, CANCELLED)
    await world.shop_order_is(ref, "CANCELLED")
    await world.shows("TKR-1", 10)


async def test_a_return_is_expected_once_and_books_nothing(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.shows("TKR-1", 10)
    ref = await world.buy("TKR-1", 2)
    order = await world.order_is(ref, ACCEPTED)
    await world.shop_order_is(ref, "ACCEPTED")
    await world.http.post(f"{world.shop_url}/orders/{ref}/return", json={"reason": "salah ukuran"})

    async def announced() -> Any:
        request = pb.ListExpectedReturnsRequest(channel_code="tokoria")
        return (await world.orders.ListExpectedReturns(request)).returns

    found = await world.eventually(announced)
    body = {
        "return_id": found[0].return_ref,
        "order_id": ref,
        "lines": [{"listing_id": "TKR-1", "quantity": 2}],
    }
    await world.deliver("return.announced", body)
    found = await announced()
    assert [(one.order_ref, one.reservation_id, one.reason) for one in found] == [
        (ref, order.reservation_id, "salah ukuran")
    ]
    assert world.stock.available["KOPI-250"] == 8


async def test_in_shadow_orders_are_noted_and_not_reserved(world: Any) -> None:
    await world.connect(stage=channels_pb.STAGE_SHADOW)
    await world.sell("TKR-1", "KOPI-250", 10)
    await world.deliver("order.placed", placed("T-1"))
    await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_SHADOWED)
    await world.deliver("order.cancelled", {"order_id": "T-1"})
    await world.order_is("T-1", CANCELLED)
    assert world.stock.calls == []


async def test_shadow_counts_whether_decrements_and_cancellations_agreed(world: Any) -> None:
    await world.connect(stage=channels_pb.STAGE_SHADOW)
    await world.sell("TKR-1", "KOPI-250", 10)
    world.shop.shop.listings["TKR-1"].change(10, "push")

    async def agreement() -> Any:
        request = channels_pb.GetAgreementRequest(channel_code="tokoria")
        return (await world.channels.GetAgreement(request)).agreement

    async def figures() -> bool:
        return bool((await agreement()).figures.compared_count)

    async def decrements() -> bool:
        return bool((await agreement()).decrements.compared_count)

    async def cancellations() -> bool:
        return bool((await agreement()).cancellations.compared_count)

    await world.eventually(figures)
    ref = await world.buy("TKR-1", 3)
    await world.eventually(decrements)
    await world.http.post(f"{world.shop_url}/orders/{ref}/cancel", json={})
    await world.eventually(cancellations)
    found = await agreement()
    assert found.decrements.agreed_count == found.decrements.compared_count == 1
    assert found.cancellations.agreed_count == found.cancellations.compared_count == 1


async def test_a_hundred_buyers_at_once_get_exactly_what_there_is(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "POWER-10K", 100)
    world.stock.open_sale("HARBOLNAS", "POWER-10K", 40)
    await world.shows("TKR-1", 40)
    refs = await asyncio.gather(*(world.buy("TKR-1", buyer=f"b-{n}") for n in range(40)))
    world.stock.sale.left = 25  # the website was faster
    # Whatever was taken before that line is taken; the rest of the 40 meet the new limit.
    await asyncio.gather(*(world.eventually(lambda ref=ref: _answered(world, ref)) for ref in refs))
    states = [world.shop.shop.orders[ref].state.value for ref in refs]
    confirmed = list(world.stock.states().values()).count("CONFIRMED")
    assert states.count("ACCEPTED") == confirmed == len(world.stock.reservations)
    assert world.stock.sale.left >= 0
    await world.shows("TKR-1", world.stock.sale.left)


async def _answered(world: Any, ref: str) -> bool:
    return bool(world.shop.shop.orders[ref].state.value != "WAITING")


async def test_events_tell_what_became_of_orders(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 1)
    await world.deliver("order.placed", placed("T-1"))
    await world.order_is("T-1", ACCEPTED)
    await world.deliver("order.placed", placed("T-2"))
    await world.order_is("T-2", REFUSED)
    await world.deliver("order.cancelled", {"order_id": "T-1"})
    await world.order_is("T-1", CANCELLED)
    kinds = []
    stream = world.events.Subscribe(events_pb2.SubscribeRequest())
    positions = []
    async for response in stream:
        positions += [event.position for event in response.events]
        kinds += [event.WhichOneof("payload") for event in response.events]
        if "channel_order_cancelled" in kinds:
            break
    assert positions == list(range(1, len(positions) + 1))
    assert [kind for kind in kinds if kind.startswith("channel_order")] == [
        "channel_order_accepted",
        "channel_order_refused",
        "channel_order_cancelled",
    ]


async def test_orders_are_listed_newest_first_and_by_reservation(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 10)
    for number in range(3):
        await world.deliver("order.placed", placed(f"T-{number}"))
        last = await world.order_is(f"T-{number}", ACCEPTED)
    first_page = await world.orders.ListChannelOrders(pb.ListChannelOrdersRequest(page_size=2))
    assert [order.order_ref for order in first_page.orders] == ["T-2", "T-1"]
    rest = pb.ListChannelOrdersRequest(page_size=2, page_token=first_page.next_page_token)
    second_page = await world.orders.ListChannelOrders(rest)
    assert [order.order_ref for order in second_page.orders] == ["T-0"]
    assert second_page.next_page_token == ""
    of_one = pb.ListChannelOrdersRequest(reservation_id=last.reservation_id)
    assert [order.order_ref for order in (await world.orders.ListChannelOrders(of_one)).orders] == ["T-2"]
