"""When a unit is sold anywhere, each channel's figure follows; and a listing shows no more than its rules allow."""

from __future__ import annotations

from typing import Any

from lumbung.channel_sync.v1 import channels_pb2 as channels_pb
from lumbung.channel_sync.v1 import listings_pb2 as listings_pb
from lumbung.channel_sync.v1 import sync_status_pb2 as status_pb


async def test_a_new_listing_shows_what_stock_can_promise(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", available=12)
    await world.shows("TKR-1", 12)


async def test_a_change_of_stock_reaches_the_channel(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", available=12)
    await world.shows("TKR-1", 12)
    world.stock.set("KOPI-250", 7)
    await world.shows("TKR-1", 7)


async def test_rules_bound_the_figure_and_the_status_says_why(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 100, buffer_quantity=10, share_percent=50, units_per_item=2)
    await world.shows("TKR-1", 22)
    await world.set_listing("TKR-1", "KOPI-250", cap_quantity=5)
    await world.shows("TKR-1", 5)
    reason = (await world.status_of("TKR-1")).reason
    assert (reason.decided_by, reason.available_to_promise, reason.cap_quantity) == ("CAP", 100, 5)


async def test_pausing_sells_nothing_or_freezes_and_resuming_follows_again(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 9)
    await world.shows("TKR-1", 9)
    pause = listings_pb.PauseListingRequest(
        request_id=world.request_id(),
        channel_code="tokoria",
        listing_ref="TKR-1",
        mode=channels_pb.PAUSE_MODE_SELL_NOTHING,
    )
    await world.listings.PauseListing(pause)
    await world.shows("TKR-1", 0)
    resume = listings_pb.ResumeListingRequest(
        request_id=world.request_id(), channel_code="tokoria", listing_ref="TKR-1"
    )
    await world.listings.ResumeListing(resume)
    await world.shows("TKR-1", 9)


async def test_a_frozen_channel_keeps_its_figures(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 9)
    await world.shows("TKR-1", 9)
    freeze = channels_pb.PauseChannelRequest(
        request_id=world.request_id(), channel_code="tokoria", mode=channels_pb.PAUSE_MODE_FREEZE
    )
    await world.channels.PauseChannel(freeze)
    world.stock.set("KOPI-250", 3)

    async def computed() -> bool:
        return bool((await world.status_of("TKR-1")).desired_quantity == 3)

    await world.eventually(computed)
    assert world.shop.shop.listings["TKR-1"].quantity == 9
    assert (await world.status_of("TKR-1")).state == status_pb.SYNC_STATE_FROZEN
    resume = channels_pb.ResumeChannelRequest(request_id=world.request_id(), channel_code="tokoria")
    await world.channels.ResumeChannel(resume)
    await world.shows("TKR-1", 3)


async def test_a_sale_on_the_channel_lowers_both_sides_and_a_capped_figure_comes_back(world: Any) -> None:
    """The channel lowers its own figure by itself: what it confirmed before is not what it shows now."""
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 100, cap_quantity=5)
    await world.shows("TKR-1", 5)
    order = await world.buy("TKR-1", 2)
    await world.shop_order_is(order, "ACCEPTED")
    await world.shows("TKR-1", 5)
    assert world.stock.available["KOPI-250"] == 98


async def test_during_a_flash_sale_the_figure_is_the_sales_own(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "POWER-10K", 60, buffer_quantity=50)
    await world.shows("TKR-1", 10)
    world.stock.open_sale("HARBOLNAS", "POWER-10K", 40)
    await world.shows("TKR-1", 40)
    assert world.shop.shop.listings["TKR-1"].sale_code == "HARBOLNAS"


async def test_a_thousand_changes_are_few_calls_and_the_last_value_wins(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 1)
    await world.shows("TKR-1", 1)
    pushed_before = world.shop.shop.listings["TKR-1"].version
    for quantity in range(1000, 0, -1):
        world.stock.set("KOPI-250", quantity + 41)
    await world.shows("TKR-1", 42)
    assert world.shop.shop.listings["TKR-1"].version - pushed_before < 100


async def test_in_shadow_nothing_is_pushed_and_figures_are_compared(world: Any) -> None:
    await world.connect(stage=channels_pb.STAGE_SHADOW)
    await world.sell("TKR-1", "KOPI-250", 9)
    world.shop.shop.listings["TKR-1"].change(9, "push")
    request = channels_pb.GetAgreementRequest(channel_code="tokoria")

    async def compared() -> Any:
        agreement = (await world.channels.GetAgreement(request)).agreement
        return agreement if agreement.figures.compared_count else None

    agreement = await world.eventually(compared)
    assert agreement.figures.agreed_count == agreement.figures.compared_count
    assert world.shop.shop.listings["TKR-1"].version == 0
    assert (await world.status_of("TKR-1")).state == status_pb.SYNC_STATE_COMPARED


async def test_in_stage_some_only_live_listings_are_pushed(world: Any) -> None:
    await world.connect(stage=channels_pb.STAGE_SOME)
    await world.sell("TKR-1", "KOPI-250", 9, live=True)
    await world.sell("TKR-2", "KOPI-250", 9)
    await world.shows("TKR-1", 9)
    assert world.shop.shop.listings["TKR-2"].version == 0
