"""Forgets a listing."""

from __future__ import annotations

from lumbung_channel_sync.domain.failures import ListingNotFound
from lumbung_channel_sync.stores import listings
from lumbung_kit.postgres import Conn


async def remove_listing(conn: Conn, channel_code: str, listing_ref: str) -> None:
    """Nothing more is pushed to it; the channel keeps what it shows."""
    if not await listings.delete(conn, channel_code, listing_ref):
        raise ListingNotFound(metadata={"channel_code": channel_code, "listing_ref": listing_ref})
