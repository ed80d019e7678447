"""A listing: what is sold under which reference of a channel, and how much of the stock it may show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lumbung_channel_sync.domain.channels import PauseMode


@dataclass(frozen=True, slots=True)
class ListingRules:
    """How much of what is available a listing may show."""

    units_per_item: int = 1
    buffer_quantity: int = 0
    share_percent: int = 100
    cap_quantity: int | None = None


@dataclass(frozen=True, slots=True)
class ListingSpec:
    """What a person can say about a listing."""

    listing_ref: str
    sku_code: str
    rules: ListingRules
    live: bool
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing of a channel."""

    channel_code: str
    listing_ref: str
    sku_code: str
    rules: ListingRules
    live: bool
    pause_mode: PauseMode | None
    row_version: int
    create_time: datetime
    update_time: datetime
