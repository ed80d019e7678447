"""Channels: connected once, changed by etag, trusted stage by stage; a secret never comes out."""

from __future__ import annotations

from typing import Any

from lumbung.channel_sync.v1 import channels_pb2 as pb
from lumbung.channel_sync.v1 import listings_pb2 as listings_pb


async def test_connecting_again_gives_the_first_answer_and_other_content_is_refused(
    world: Any, refusal: Any
) -> None:
    request = world.channel_request(request_id="connect-1")
    first = (await world.channels.CreateChannel(request)).channel
    assert (first.stage, first.webhook_path) == (pb.STAGE_SHADOW, "/webhooks/tokoria")
    assert (await world.channels.CreateChannel(request)).channel == first
    other = world.channel_request(request_id="connect-1", title="Another")
    assert (await refusal(world.channels.CreateChannel(other))).reason == "REQUEST_ID_REUSED"
    again = world.channel_request(request_id="connect-2")
    assert (await refusal(world.channels.CreateChannel(again))).reason == "CHANNEL_EXISTS"


async def test_no_answer_and_no_table_has_a_secret(world: Any) -> None:
    await world.connect()
    found = await world.channels.GetChannel(pb.GetChannelRequest(channel_code="tokoria"))
    async with world.postgres.connection() as conn:
        stored = str(await (await conn.execute("SELECT * FROM channel")).fetchall())
    for text in (str(found), stored):
        assert "test-webhook-secret" not in text
        assert "test-api-key" not in text


async def test_a_channel_needs_an_entry_in_the_secrets_file(world: Any, refusal: Any) -> None:
    request = world.channel_request(secret_reference="nobody")
    assert (await refusal(world.channels.CreateChannel(request))).reason == "SECRET_NOT_FOUND"


async def test_an_update_from_an_old_etag_is_refused(world: Any, refusal: Any) -> None:
    channel = (await world.channels.CreateChannel(world.channel_request())).channel

    def update(request_id: str, title: str) -> pb.UpdateChannelRequest:
        return pb.UpdateChannelRequest(
            request_id=request_id,
            channel_code="tokoria",
            etag=channel.etag,
            title=title,
            base_url=channel.base_url,
            secret_reference=channel.secret_reference,
        )

    changed = (await world.channels.UpdateChannel(update("u-1", "New title"))).channel
    assert (changed.title, changed.etag != channel.etag) == ("New title", True)
    assert (await refusal(world.channels.UpdateChannel(update("u-2", "Newer")))).reason == "CONCURRENT_CHANGE"


async def test_stages_go_on_only_when_both_sides_agreed(world: Any, refusal: Any) -> None:
    await world.connect(stage=pb.STAGE_SHADOW)

    def advance(
        request_id: str, stage: pb.Stage.ValueType, *, accept: bool = False
    ) -> pb.AdvanceStageRequest:
        return pb.AdvanceStageRequest(
            request_id=request_id, channel_code="tokoria", from_stage=stage, accept_disagreement=accept
        )

    assert (
        await refusal(world.channels.AdvanceStage(advance("a-1", pb.STAGE_SHADOW)))
    ).reason == "STAGE_NOT_AGREED"
    await world.sell("TKR-1", "KOPI-250", 9)
    world.shop.shop.listings["TKR-1"].change(9, "push")

    async def agreed() -> bool:
        request = pb.GetAgreementRequest(channel_code="tokoria")
        return bool((await world.channels.GetAgreement(request)).agreement.figures.compared_count)

    await world.eventually(agreed)
    moved = await world.channels.AdvanceStage(advance("a-2", pb.STAGE_SHADOW))
    assert (moved.channel.stage, moved.agreement.stage) == (pb.STAGE_SOME, pb.STAGE_SHADOW)
    assert moved.agreement.figures.agreed_count == moved.agreement.figures.compared_count > 0
    stale = await refusal(world.channels.AdvanceStage(advance("a-3", pb.STAGE_SHADOW)))
    assert stale.reason == "CONCURRENT_CHANGE"
    await world.channels.AdvanceStage(advance("a-4", pb.STAGE_SOME, accept=True))
    last = await refusal(world.channels.AdvanceStage(advance("a-5", pb.STAGE_ALL)))
    assert last.reason == "STAGE_IS_LAST"
    back = pb.RetreatStageRequest(request_id="b-1", channel_code="tokoria", from_stage=pb.STAGE_ALL)
    assert (await world.channels.RetreatStage(back)).channel.stage == pb.STAGE_SOME


async def test_checking_a_channel_says_what_is_wrong(world: Any) -> None:
    await world.connect()
    request = pb.CheckChannelRequest(channel_code="tokoria")
    assert (await world.channels.CheckChannel(request)).reachable
    world.shop.seller_api.faults.status, world.shop.seller_api.faults.calls = 403, 1
    refused = await world.channels.CheckChannel(request)
    assert (refused.reachable, refused.reason) == (False, "KEY_REFUSED")


async def test_listings_are_set_all_or_none_and_by_etag(world: Any, refusal: Any) -> None:
    await world.connect()
    world.stock.set("KOPI-250", 1)
    listing = await world.set_listing("L-1", "KOPI-250")
    batch = listings_pb.BatchSetListingsRequest(
        request_id="batch-1",
        channel_code="tokoria",
        listings=[
            listings_pb.ListingSpec(listing_ref="L-2", sku_code="KOPI-250"),
            listings_pb.ListingSpec(listing_ref="L-1", sku_code="KOPI-250", etag="99"),
        ],
    )
    assert (await refusal(world.listings.BatchSetListings(batch))).reason == "CONCURRENT_CHANGE"
    assert await world.count("listing") == 1
    batch.listings[1].etag = listing.etag
    assert len((await world.listings.BatchSetListings(batch)).listings) == 2


async def test_pages_are_walked_to_the_end(world: Any) -> None:
    await world.connect()
    world.stock.set("KOPI-250", 1)
    for number in range(5):
        await world.set_listing(f"L-{number}", "KOPI-250")
    refs: list[str] = []
    request = listings_pb.ListListingsRequest(page_size=2, sku_code="KOPI-250")
    while True:
        page = await world.listings.ListListings(request)
        refs += [listing.listing_ref for listing in page.listings]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert refs == [f"L-{number}" for number in range(5)]


async def test_a_removed_listing_is_pushed_no_more(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.sell("TKR-2", "KOPI-250")
    await world.shows("TKR-1", 5)
    await world.shows("TKR-2", 5)
    removal = listings_pb.RemoveListingRequest(
        request_id="remove-1", channel_code="tokoria", listing_ref="TKR-1"
    )
    await world.listings.RemoveListing(removal)
    world.stock.set("KOPI-250", 4)
    await world.shows("TKR-2", 4)
    assert world.shop.shop.listings["TKR-1"].quantity == 5


async def test_a_channel_that_moved_to_another_shop_is_told_every_figure_anew(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    await world.shows("TKR-1", 5)
    channel = (await world.channels.GetChannel(pb.GetChannelRequest(channel_code="tokoria"))).channel
    version = (await world.status_of("TKR-1")).confirmed_version
    await world.channels.UpdateChannel(
        pb.UpdateChannelRequest(
            request_id="move-1",
            channel_code="tokoria",
            etag=channel.etag,
            title=channel.title,
            base_url=world.shop_url,
            account_reference="another-account",
            secret_reference=channel.secret_reference,
        )
    )

    async def told() -> bool:
        return bool((await world.status_of("TKR-1")).confirmed_version > version)

    await world.eventually(told)
    await world.shows("TKR-1", 5)
