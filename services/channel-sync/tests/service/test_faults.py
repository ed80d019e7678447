"""Fault row 36: a platform that errs, times out or limits, a stock service that is away, deliveries that break off."""

from __future__ import annotations

from typing import Any

from lumbung.channel_sync.v1 import channel_orders_pb2 as pb
from lumbung.channel_sync.v1 import sync_status_pb2 as status_pb

UNDER_WAY_S = 0.05
"""A call that was sent before the 429 arrived comes within this time."""
ORDER = {"order_id": "T-1", "lines": [{"listing_id": "TKR-1", "quantity": 1}]}


async def misbehave(world: Any, **how: Any) -> None:
    """Tells the marketplace to."""
    answer = await world.http.put(
        f"{world.shop_url}/api/faults", json=how, headers={"authorization": "Bearer test-api-key"}
    )
    assert answer.status_code == 200


async def test_errors_of_the_platform_are_ridden_out(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    await misbehave(world, status=500, calls=2)
    world.stock.set("KOPI-250", 4)

    async def trouble() -> Any:
        request = status_pb.GetChannelHealthRequest(channel_code="tokoria")
        health = await world.status.GetChannelHealth(request)
        return health.problem if health.HasField("problem") else None

    problem = await world.eventually(trouble)
    assert problem.reason == "PLATFORM_ERROR"
    await world.shows("TKR-1", 4)
    request = status_pb.GetChannelHealthRequest(channel_code="tokoria")
    assert not (await world.status.GetChannelHealth(request)).HasField("problem")


async def test_after_a_429_no_call_comes_before_the_time_it_names(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    await misbehave(world, status=429, calls=1, retry_after_s=1)
    world.stock.set("KOPI-250", 4)

    await world.shows("TKR-1", 4)
    calls = list(world.shop.seller_api.calls)
    limited_at = next(came_at for came_at, status in calls if status == 429)
    after_s = [came_at - limited_at for came_at, _ in calls if came_at > limited_at]
    assert not [seconds for seconds in after_s if UNDER_WAY_S < seconds < 1.0]
    assert after_s


async def test_one_refused_listing_is_parked_and_holds_up_nobody(world: Any) -> None:
    await world.connect()
    world.stock.set("KOPI-250", 5)
    await world.set_listing("GONE-1", "KOPI-250")
    await world.sell("TKR-1", "KOPI-250")
    await world.shows("TKR-1", 5)

    async def parked() -> Any:
        status = await world.status_of("GONE-1")
        return status if status.state == status_pb.SYNC_STATE_PARKED else None

    status = await world.eventually(parked)
    assert (status.problem.reason, status.problem.permanent) == ("LISTING_UNKNOWN", True)
    version = status.pushed_version
    world.stock.set("KOPI-250", 3)
    await world.shows("TKR-1", 3)
    assert (await world.status_of("GONE-1")).pushed_version == version
    world.shop.shop.put_listing("GONE-1", "back again", "KOPI-250", 1)
    request = status_pb.RepairListingsRequest(
        request_id="repair-1", channel_code="tokoria", listing_refs=["GONE-1", "TKR-1"]
    )
    assert (await world.status.RepairListings(request)).repaired_count == 1
    await world.shows("GONE-1", 3)


async def test_a_busy_listing_is_tried_again(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    await misbehave(world, listings={"TKR-1": "busy"})
    world.stock.set("KOPI-250", 4)

    async def retrying() -> bool:
        return bool((await world.status_of("TKR-1")).state == status_pb.SYNC_STATE_RETRYING)

    await world.eventually(retrying)
    await misbehave(world)
    await world.shows("TKR-1", 4)


async def test_a_platform_that_holds_a_newer_version_is_overtaken(world: Any) -> None:
    """As after our store was restored from a backup."""
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    world.shop.shop.set_figure("TKR-1", 77, 900, "")
    world.stock.set("KOPI-250", 4)
    await world.shows("TKR-1", 4)
    assert world.shop.shop.listings["TKR-1"].version > 900


async def test_a_late_push_never_overwrites_a_newer_figure(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    late = world.shop.shop.listings["TKR-1"].version
    world.stock.set("KOPI-250", 4)
    await world.shows("TKR-1", 4)
    for version in (late, late - 1):
        world.shop.shop.set_figure("TKR-1", 5, version, "")
    assert world.shop.shop.listings["TKR-1"].quantity == 4


async def test_drift_is_found_at_the_second_look_and_repaired(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    world.shop.shop.listings["TKR-1"].change(50, "push")
    await world.shows("TKR-1", 5)

    async def told() -> bool:
        return bool(
            await world.count("(SELECT kind FROM event_log WHERE kind = 'drift_found') AS found") >= 1
        )

    await world.eventually(told)


async def test_a_platform_that_lost_its_memory_is_told_again(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    world.shop.shop.listings.clear()
    world.shop.shop.put_listing("TKR-1", "Kopi", "KOPI-250", 1)
    await world.shows("TKR-1", 5)


async def test_while_stock_is_away_orders_wait_and_none_is_lost(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    world.stock.down = True
    ref = await world.buy("TKR-1", 2)

    async def tried() -> bool:
        return any(call.startswith("Reserve") for call in world.stock.calls)

    await world.eventually(tried)
    order = await world.order_is(ref, pb.CHANNEL_ORDER_STATE_RECEIVED)
    assert order.reservation_id == ""
    world.stock.down = False
    await world.shop_order_is(ref, "ACCEPTED")
    assert world.stock.available["KOPI-250"] == 3
    await world.shows("TKR-1", 3)


async def test_a_hold_that_ran_out_is_taken_anew_under_a_new_id(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    world.stock.confirms_may_go.clear()
    await world.deliver("order.placed", ORDER)
    await world.stock.confirm_arrived.wait()
    world.stock.expired.update(world.stock.reservations)
    world.stock.confirms_may_go.set()
    order = await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_ACCEPTED)
    assert order.reservation_id not in world.stock.expired
    reserves = [call for call in world.stock.calls if call.startswith("Reserve")]
    assert reserves == ["Reserve tokoria:T-1:reserve", "Reserve tokoria:T-1:reserve.2"]


async def test_an_answer_is_sent_until_the_channel_takes_it(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    await misbehave(world, status=503, calls=3)
    ref = await world.buy("TKR-1")
    await world.shop_order_is(ref, "ACCEPTED")

    async def answered() -> bool:
        return bool((await world.order(ref)).HasField("answer_time"))

    await world.eventually(answered)


async def test_an_order_for_an_unknown_listing_waits_for_a_person(world: Any) -> None:
    await world.connect()
    world.stock.set("KOPI-250", 5)
    await world.deliver("order.placed", ORDER)
    stuck = await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_STUCK)
    assert stuck.reason == "LISTING_UNKNOWN"
    letters = (await world.orders.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
    assert [(one.order_ref, one.reason) for one in letters] == [("T-1", "LISTING_UNKNOWN")]
    await world.sell("TKR-1", "KOPI-250")
    request = pb.ReplayDeadLetterRequest(request_id="replay-1", dead_letter_id=letters[0].dead_letter_id)
    await world.orders.ReplayDeadLetter(request)
    await world.orders.ReplayDeadLetter(request)
    await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_ACCEPTED)
    left = (await world.orders.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
    assert pb.DELIVERY_KIND_ORDER not in [one.kind for one in left]


async def test_a_discarded_order_is_refused_towards_the_channel(world: Any) -> None:
    await world.connect()
    await world.deliver("order.placed", ORDER)
    await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_STUCK)
    letters = (await world.orders.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
    await world.orders.DiscardDeadLetter(
        pb.DiscardDeadLetterRequest(
            request_id="discard-1", dead_letter_id=letters[0].dead_letter_id, reason="tidak dijual lagi"
        )
    )
    refused = await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_REFUSED)
    assert (refused.reason, refused.message) == ("DISCARDED", "tidak dijual lagi")
    # The marketplace has never heard of T-1, so our answer to it becomes the next dead letter.

    async def answer_parked() -> Any:
        found = (await world.orders.ListDeadLetters(pb.ListDeadLettersRequest())).dead_letters
        return [one for one in found if one.kind == pb.DELIVERY_KIND_ANSWER]

    parked = await world.eventually(answer_parked)
    assert parked[0].reason == "ANSWER_REFUSED"
