"""Every RPC refuses bad input by naming the field, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.channel_sync.v1 import channel_orders_pb2 as orders_pb
from lumbung.channel_sync.v1 import channels_pb2 as channels_pb
from lumbung.channel_sync.v1 import events_pb2
from lumbung.channel_sync.v1 import listings_pb2 as listings_pb
from lumbung.channel_sync.v1 import sync_status_pb2 as status_pb
from lumbung_kit.failures import Kind

C: dict[str, Any] = {"channel_code": "tokoria"}
CREATE: dict[str, Any] = {
    "request_id": "r",
    **C,
    "title": "Tokoria",
    "platform": channels_pb.PLATFORM_DEMO_MARKETPLACE,
    "base_url": "http://127.0.0.1:1",
    "secret_reference": "tokoria",
}
UPDATE: dict[str, Any] = {key: value for key, value in CREATE.items() if key != "platform"} | {"etag": "1"}
STAGE: dict[str, Any] = {"request_id": "r", **C, "from_stage": channels_pb.STAGE_SHADOW}
LISTING: dict[str, Any] = {"request_id": "r", **C, "listing_ref": "L-1"}


def spec(**fields: Any) -> listings_pb.ListingSpec:
    """A listing that is right, but for these fields."""
    return listings_pb.ListingSpec(**{"listing_ref": "L-1", "sku_code": "KOPI-250", **fields})


def set_listing(**fields: Any) -> listings_pb.SetListingRequest:
    """A request that is right, but for these fields of its listing."""
    return listings_pb.SetListingRequest(request_id="r", channel_code="tokoria", listing=spec(**fields))


UNKNOWN_NUMBER: Any = 99

CASES: list[tuple[str, str, Any, str]] = [
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "request_id": ""}),
        "request_id",
    ),
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "request_id": "a b"}),
        "request_id",
    ),
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "channel_code": "a/b"}),
        "channel_code",
    ),
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "channel_code": "a" * 25}),
        "channel_code",
    ),
    ("channels", "CreateChannel", channels_pb.CreateChannelRequest(**{**CREATE, "title": ""}), "title"),
    ("channels", "CreateChannel", channels_pb.CreateChannelRequest(**{**CREATE, "platform": 0}), "platform"),
    ("channels", "CreateChannel", channels_pb.CreateChannelRequest(**{**CREATE, "platform": 99}), "platform"),
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "platform": channels_pb.PLATFORM_SHOPIFY}),
        "platform",
    ),
    *(
        (
            "channels",
            "CreateChannel",
            channels_pb.CreateChannelRequest(**{**CREATE, "base_url": url}),
            "base_url",
        )
        for url in (
            "",
            "ftp://x",
            "http://u:p@x",
            "http://x?q=1",
            "http://",
            "http://x:99999",
            "javascript:x",
        )
    ),
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "secret_reference": "../etc"}),
        "secret_reference",
    ),
    (
        "channels",
        "CreateChannel",
        channels_pb.CreateChannelRequest(**{**CREATE, "max_requests_per_second": 1001}),
        "max_requests_per_second",
    ),
    ("channels", "UpdateChannel", channels_pb.UpdateChannelRequest(**{**UPDATE, "etag": ""}), "etag"),
    ("channels", "UpdateChannel", channels_pb.UpdateChannelRequest(**{**UPDATE, "etag": "x"}), "etag"),
    ("channels", "GetChannel", channels_pb.GetChannelRequest(), "channel_code"),
    ("channels", "ListChannels", channels_pb.ListChannelsRequest(page_size=-1), "page_size"),
    ("channels", "ListChannels", channels_pb.ListChannelsRequest(page_token="x"), "page_token"),
    ("channels", "PauseChannel", channels_pb.PauseChannelRequest(request_id="r", **C), "mode"),
    (
        "channels",
        "PauseChannel",
        channels_pb.PauseChannelRequest(request_id="r", mode=UNKNOWN_NUMBER, **C),
        "mode",
    ),
    ("channels", "ResumeChannel", channels_pb.ResumeChannelRequest(request_id="r"), "channel_code"),
    ("channels", "AdvanceStage", channels_pb.AdvanceStageRequest(**{**STAGE, "from_stage": 0}), "from_stage"),
    ("channels", "RetreatStage", channels_pb.RetreatStageRequest(**{**STAGE, "from_stage": 7}), "from_stage"),
    ("channels", "GetAgreement", channels_pb.GetAgreementRequest(), "channel_code"),
    ("channels", "CheckChannel", channels_pb.CheckChannelRequest(), "channel_code"),
    ("listings", "SetListing", set_listing(listing_ref=""), "listing.listing_ref"),
    ("listings", "SetListing", set_listing(listing_ref="x" * 129), "listing.listing_ref"),
    ("listings", "SetListing", set_listing(listing_ref="a\0b"), "listing.listing_ref"),
    ("listings", "SetListing", set_listing(sku_code=""), "listing.sku_code"),
    ("listings", "SetListing", set_listing(units_per_item=-1), "listing.units_per_item"),
    ("listings", "SetListing", set_listing(units_per_item=10_001), "listing.units_per_item"),
    ("listings", "SetListing", set_listing(buffer_quantity=-1), "listing.buffer_quantity"),
    ("listings", "SetListing", set_listing(share_percent=101), "listing.share_percent"),
    ("listings", "SetListing", set_listing(cap_quantity=-1), "listing.cap_quantity"),
    ("listings", "SetListing", set_listing(etag="nonsense"), "listing.etag"),
    ("listings", "BatchSetListings", listings_pb.BatchSetListingsRequest(request_id="r", **C), "listings"),
    (
        "listings",
        "BatchSetListings",
        listings_pb.BatchSetListingsRequest(request_id="r", **C, listings=[spec(), spec()]),
        "listings[1].listing_ref",
    ),
    (
        "listings",
        "BatchSetListings",
        listings_pb.BatchSetListingsRequest(
            request_id="r", **C, listings=[spec(listing_ref=str(number)) for number in range(501)]
        ),
        "listings",
    ),
    ("listings", "GetListing", listings_pb.GetListingRequest(**C), "listing_ref"),
    ("listings", "ListListings", listings_pb.ListListingsRequest(page_token="WzFd"), "page_token"),
    ("listings", "ListListings", listings_pb.ListListingsRequest(sku_code="-"), "sku_code"),
    ("listings", "PauseListing", listings_pb.PauseListingRequest(**LISTING), "mode"),
    (
        "listings",
        "ResumeListing",
        listings_pb.ResumeListingRequest(**{**LISTING, "listing_ref": ""}),
        "listing_ref",
    ),
    (
        "listings",
        "RemoveListing",
        listings_pb.RemoveListingRequest(**{**LISTING, "request_id": ""}),
        "request_id",
    ),
    ("status", "GetSyncStatus", status_pb.GetSyncStatusRequest(**C), "listing_ref"),
    ("status", "ListSyncStatuses", status_pb.ListSyncStatusesRequest(state=UNKNOWN_NUMBER), "state"),
    ("status", "ListDrift", status_pb.ListDriftRequest(page_size=-5), "page_size"),
    ("status", "RepairListings", status_pb.RepairListingsRequest(request_id="r", **C), "listing_refs"),
    (
        "status",
        "RepairListings",
        status_pb.RepairListingsRequest(request_id="r", **C, listing_refs=["a", ""]),
        "listing_refs[1]",
    ),
    (
        "status",
        "RepairListings",
        status_pb.RepairListingsRequest(request_id="r", **C, listing_refs=["a", "a"]),
        "listing_refs",
    ),
    ("status", "GetChannelHealth", status_pb.GetChannelHealthRequest(), "channel_code"),
    ("orders", "GetChannelOrder", orders_pb.GetChannelOrderRequest(**C), "order_ref"),
    ("orders", "GetChannelOrder", orders_pb.GetChannelOrderRequest(**C, order_ref="x" * 65), "order_ref"),
    ("orders", "ListChannelOrders", orders_pb.ListChannelOrdersRequest(state=UNKNOWN_NUMBER), "state"),
    ("orders", "ListChannelOrders", orders_pb.ListChannelOrdersRequest(reservation_id="x"), "reservation_id"),
    (
        "orders",
        "CancelChannelOrder",
        orders_pb.CancelChannelOrderRequest(request_id="r", **C, order_ref="T-1"),
        "reason",
    ),
    ("orders", "ListExpectedReturns", orders_pb.ListExpectedReturnsRequest(page_size=-1), "page_size"),
    ("orders", "ListDeadLetters", orders_pb.ListDeadLettersRequest(page_token="WyJhIl0="), "page_token"),
    ("orders", "ReplayDeadLetter", orders_pb.ReplayDeadLetterRequest(request_id="r"), "dead_letter_id"),
    (
        "orders",
        "DiscardDeadLetter",
        orders_pb.DiscardDeadLetterRequest(request_id="r", dead_letter_id=1),
        "reason",
    ),
]


async def test_bad_input_names_its_field_and_changes_nothing(world: Any, refusal: Any) -> None:
    for stub, method, request, field in CASES:
        found = await refusal(getattr(getattr(world, stub), method)(request))
        assert (found.kind, found.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT"), (method, request, found)
        assert field in [violation.field for violation in found.fields], (method, request, found.fields)
    for table in ("channel", "listing", "channel_order", "inbox", "request_record"):
        assert await world.count(table) == 0


@pytest.mark.parametrize("position", [-1])
async def test_events_begin_at_a_position(world: Any, refusal: Any, position: int) -> None:
    async def first() -> None:
        async for _ in world.events.Subscribe(events_pb2.SubscribeRequest(after_position=position)):
            return

    found = await refusal(first())
    assert [violation.field for violation in found.fields] == ["after_position"]


UNKNOWN: list[tuple[str, str, Any, str]] = [
    ("channels", "GetChannel", channels_pb.GetChannelRequest(**C), "CHANNEL_NOT_FOUND"),
    ("channels", "UpdateChannel", channels_pb.UpdateChannelRequest(**UPDATE), "CHANNEL_NOT_FOUND"),
    ("channels", "GetAgreement", channels_pb.GetAgreementRequest(**C), "CHANNEL_NOT_FOUND"),
    ("channels", "CheckChannel", channels_pb.CheckChannelRequest(**C), "CHANNEL_NOT_FOUND"),
    (
        "channels",
        "PauseChannel",
        channels_pb.PauseChannelRequest(request_id="r", mode=channels_pb.PAUSE_MODE_FREEZE, **C),
        "CHANNEL_NOT_FOUND",
    ),
    ("channels", "AdvanceStage", channels_pb.AdvanceStageRequest(**STAGE), "CHANNEL_NOT_FOUND"),
    ("listings", "SetListing", set_listing(sku_code="NOBODY-KNOWS"), "SKU_NOT_FOUND"),
    ("listings", "SetListing", set_listing(), "CHANNEL_NOT_FOUND"),
    ("listings", "GetListing", listings_pb.GetListingRequest(**C, listing_ref="L"), "LISTING_NOT_FOUND"),
    ("listings", "RemoveListing", listings_pb.RemoveListingRequest(**LISTING), "LISTING_NOT_FOUND"),
    ("listings", "ResumeListing", listings_pb.ResumeListingRequest(**LISTING), "LISTING_NOT_FOUND"),
    ("status", "GetSyncStatus", status_pb.GetSyncStatusRequest(**C, listing_ref="L"), "LISTING_NOT_FOUND"),
    ("status", "GetChannelHealth", status_pb.GetChannelHealthRequest(**C), "CHANNEL_NOT_FOUND"),
    (
        "status",
        "RepairListings",
        status_pb.RepairListingsRequest(request_id="r", **C, listing_refs=["L"]),
        "CHANNEL_NOT_FOUND",
    ),
    (
        "orders",
        "GetChannelOrder",
        orders_pb.GetChannelOrderRequest(**C, order_ref="T"),
        "CHANNEL_ORDER_NOT_FOUND",
    ),
    (
        "orders",
        "CancelChannelOrder",
        orders_pb.CancelChannelOrderRequest(request_id="r", **C, order_ref="T", reason="x"),
        "CHANNEL_ORDER_NOT_FOUND",
    ),
    (
        "orders",
        "ReplayDeadLetter",
        orders_pb.ReplayDeadLetterRequest(request_id="r", dead_letter_id=7),
        "DEAD_LETTER_NOT_FOUND",
    ),
    (
        "orders",
        "DiscardDeadLetter",
        orders_pb.DiscardDeadLetterRequest(request_id="r", dead_letter_id=7, reason="x"),
        "DEAD_LETTER_NOT_FOUND",
    ),
    ("channels", "BackfillOrders", channels_pb.BackfillOrdersRequest(request_id="r", **C), "RPC_NOT_SERVED"),
]


async def test_what_is_unknown_is_said_so(world: Any, refusal: Any) -> None:
    world.stock.set("KOPI-250", 1)
    for stub, method, request, reason in UNKNOWN:
        found = await refusal(getattr(getattr(world, stub), method)(request))
        assert found.reason == reason, (method, found)
