"""Makes listings, or replaces their rules."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_channel_sync.clients.stock import Stock, StockRefusal
from lumbung_channel_sync.domain.channels import LISTINGS_PER_CHANNEL_MAX
from lumbung_channel_sync.domain.failures import (
    ChannelNotFound,
    SkuNotFound,
    StockUnavailable,
    TooManyListings,
)
from lumbung_channel_sync.domain.listings import Listing, ListingSpec
from lumbung_channel_sync.stores import listings, sync
from lumbung_kit.context import actor
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn


async def require_known_skus(stock: Stock, channel_code: str, specs: Sequence[ListingSpec]) -> None:
    """Refuses SKUs that stock has never heard of. Not within a transaction: it asks stock."""
    wanted = sorted({spec.sku_code for spec in specs})
    try:
        known = await stock.availability(wanted, channel_code)
    except StockRefusal as refusal:
        raise StockUnavailable(retry_after_s=refusal.retry_after_s or 1.0) from refusal
    unknown = [sku_code for sku_code in wanted if sku_code not in known.by_sku]
    if unknown:
        raise SkuNotFound(metadata={"sku_codes": ",".join(unknown[:10])})


async def set_listings(conn: Conn, channel_code: str, specs: Sequence[ListingSpec]) -> list[Listing]:
    """The listings as they stand, in the order asked; all or none. Their figures are due."""
    if not await listings.lock_channel(conn, channel_code):
        raise ChannelNotFound(metadata={"channel_code": channel_code})
    stored = await listings.upsert(conn, channel_code, specs, actor())
    stale = [spec.listing_ref for spec in specs if spec.listing_ref not in stored]
    if stale:
        raise ConcurrentChange(metadata={"listing_refs": ",".join(stale[:10])})
    if await listings.count(conn, channel_code) > LISTINGS_PER_CHANNEL_MAX:
        raise TooManyListings(f"a channel has at most {LISTINGS_PER_CHANNEL_MAX} listings")
    await sync.begin(conn, channel_code, list(stored))
    return [stored[spec.listing_ref] for spec in specs]
