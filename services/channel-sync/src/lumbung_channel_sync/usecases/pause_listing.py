"""Stops one listing's figure, or lets it follow again."""

from __future__ import annotations

from lumbung_channel_sync.domain.channels import PauseMode
from lumbung_channel_sync.domain.failures import ListingNotFound
from lumbung_channel_sync.domain.listings import Listing
from lumbung_channel_sync.stores import listings, sync
from lumbung_kit.context import actor
from lumbung_kit.postgres import Conn


async def pause_listing(conn: Conn, channel_code: str, listing_ref: str, mode: PauseMode) -> Listing:
    """The figure goes to 0, or stays as it is."""
    return await _set_pause_mode(conn, channel_code, listing_ref, mode)


async def resume_listing(conn: Conn, channel_code: str, listing_ref: str) -> Listing:
    """The figure is considered again."""
    return await _set_pause_mode(conn, channel_code, listing_ref, None)


async def _set_pause_mode(conn: Conn, channel_code: str, listing_ref: str, mode: PauseMode | None) -> Listing:
    before = await listings.get(conn, channel_code, listing_ref)
    if before is not None and before.pause_mode is mode:
        return before
    listing = await listings.set_pause_mode(conn, channel_code, listing_ref, mode, actor())
    if listing is None:
        raise ListingNotFound(metadata={"channel_code": channel_code, "listing_ref": listing_ref})
    await sync.begin(conn, channel_code, [listing_ref])
    return listing
