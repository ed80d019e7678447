"""What callers send, checked and in domain words. Every violation of a request is named at once."""

from __future__ import annotations

import base64
import binascii
import json
import re
from urllib.parse import urlsplit

from lumbung.channel_sync.v1 import channels_pb2 as channels_pb
from lumbung.channel_sync.v1 import listings_pb2 as listings_pb
from lumbung_channel_sync.domain.channels import (
    REQUESTS_PER_SECOND_DEFAULT,
    ChannelSpec,
    PauseMode,
    Platform,
    Stage,
)
from lumbung_channel_sync.domain.listings import ListingRules, ListingSpec
from lumbung_kit.validate import Check

CHANNEL_CODE_MAX = 24
LISTING_REF_MAX = 128
ORDER_REF_MAX = 64
BASE_URL_MAX = 200
_CHANNEL_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CHANNEL_CODE_HINT = "must begin with a letter or digit and hold only letters, digits and . _ -"


def channel_code(check: Check, value: str, *, required: bool = True) -> str:
    """A channel's code: it is also part of a URL and of request ids."""
    return check.text(
        "channel_code",
        value,
        max_length=CHANNEL_CODE_MAX,
        required=required,
        pattern=_CHANNEL_CODE,
        hint=_CHANNEL_CODE_HINT,
    )


def listing_ref(check: Check, value: str, field: str = "listing_ref") -> str:
    """The channel's own id of what is sold."""
    return check.text(field, value, max_length=LISTING_REF_MAX)


def order_ref(check: Check, value: str) -> str:
    """The channel's own number of an order."""
    return check.text("order_ref", value, max_length=ORDER_REF_MAX)


def optional_sku(check: Check, value: str) -> str:
    """A SKU to filter by, or empty."""
    return check.code("sku_code", value) if value else ""


def platform(check: Check, value: channels_pb.Platform.ValueType) -> Platform:
    """A platform that has a connector."""
    check.choice("platform", value, channels_pb.Platform)
    try:
        return Platform(channels_pb.Platform.Name(value).removeprefix("PLATFORM_"))
    except ValueError:
        if value in channels_pb.Platform.values() and value != channels_pb.PLATFORM_UNSPECIFIED:
            check.add("platform", "is not served yet")
        return Platform.DEMO_MARKETPLACE


def stage(check: Check, value: channels_pb.Stage.ValueType) -> Stage:
    """A stage by its number."""
    check.choice("from_stage", value, channels_pb.Stage)
    try:
        return Stage(channels_pb.Stage.Name(value).removeprefix("STAGE_"))
    except ValueError:
        return Stage.SHADOW


def pause_mode(check: Check, value: channels_pb.PauseMode.ValueType) -> PauseMode:
    """A pause mode by its number."""
    check.choice("mode", value, channels_pb.PauseMode)
    try:
        return PauseMode(channels_pb.PauseMode.Name(value).removeprefix("PAUSE_MODE_"))
    except ValueError:
        return PauseMode.SELL_NOTHING


def channel_spec(
    check: Check, request: channels_pb.CreateChannelRequest | channels_pb.UpdateChannelRequest
) -> ChannelSpec:
    """What a person says about a channel."""
    return ChannelSpec(
        title=check.text("title", request.title, max_length=120),
        base_url=_base_url(check, request.base_url),
        secret_reference=check.code("secret_reference", request.secret_reference),
        account_reference=check.text(
            "account_reference", request.account_reference, max_length=64, required=False
        ),
        max_requests_per_second=check.whole(
            "max_requests_per_second", request.max_requests_per_second, minimum=0, maximum=1000
        )
        or REQUESTS_PER_SECOND_DEFAULT,
    )


def _base_url(check: Check, value: str) -> str:
    check.text("base_url", value, max_length=BASE_URL_MAX)
    if value and not _is_base_url(value):
        check.add("base_url", "must be http://host or https://host, without user, query or fragment")
    return value.rstrip("/")


def _is_base_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password or " " in value)
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def listing_spec(check: Check, field: str, spec: listings_pb.ListingSpec) -> ListingSpec:
    """What a person says about a listing; `field` is its path in the request."""
    cap = spec.cap_quantity if spec.HasField("cap_quantity") else None
    if cap is not None:
        check.whole(f"{field}.cap_quantity", cap, minimum=0, maximum=1_000_000)
    return ListingSpec(
        listing_ref=listing_ref(check, spec.listing_ref, f"{field}.listing_ref"),
        sku_code=check.code(f"{field}.sku_code", spec.sku_code),
        rules=ListingRules(
            units_per_item=check.whole(
                f"{field}.units_per_item", spec.units_per_item or 1, minimum=1, maximum=10_000
            ),
            buffer_quantity=check.whole(
                f"{field}.buffer_quantity", spec.buffer_quantity, minimum=0, maximum=1_000_000
            ),
            share_percent=check.whole(
                f"{field}.share_percent", spec.share_percent or 100, minimum=1, maximum=100
            ),
            cap_quantity=cap,
        ),
        live=spec.live,
        expected_version=etag(check, f"{field}.etag", spec.etag) if spec.etag else None,
    )


def etag(check: Check, field: str, value: str) -> int:
    """An etag is a version that we made."""
    if value.isascii() and value.isdecimal() and len(value) <= 18:
        return int(value)
    check.add(field, "must be set to the etag of an answer" if not value else "is not an etag of ours")
    return 0


def page_token(check: Check, value: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """Where the next page begins, or None for the first."""
    if not value:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(value.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    if isinstance(parts, list) and [type(part) for part in parts] == list(kinds):
        return tuple(parts)
    check.add("page_token", "is not a token of an answer to this question")
    return None


def text_token(check: Check, value: str) -> str:
    """After which code the next page begins; empty for the first."""
    found = page_token(check, value, str)
    return str(found[0]) if found else ""


def pair_token(check: Check, value: str) -> tuple[str, str]:
    """After which channel and reference the next page begins."""
    found = page_token(check, value, str, str)
    return (str(found[0]), str(found[1])) if found else ("", "")


def number_token(check: Check, value: str) -> int:
    """After which number the next page begins; 0 for the first."""
    found = page_token(check, value, int)
    number = int(found[0]) if found else 0
    if not 0 <= number < 2**63:
        check.add("page_token", "is not a token of an answer to this question")
        return 0
    return number


def next_token(*parts: str | int) -> str:
    """What page_token reads."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()
