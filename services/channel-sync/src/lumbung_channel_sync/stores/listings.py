"""Listings and their rules in Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row, dict_row, scalar_row

from lumbung_channel_sync.domain.channels import PauseMode
from lumbung_channel_sync.domain.listings import Listing, ListingRules, ListingSpec
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "listings.sql")
_UPSERT = _SQL["upsert_listings"]
_LOCK_CHANNEL = _SQL["lock_channel"]
_COUNT = _SQL["count_listings"]
_SET_PAUSE_MODE = _SQL["set_pause_mode"]
_DELETE = _SQL["delete_listing"]
_GET = _SQL["get_listing"]
_LIST = _SQL["list_listings"]
_SELL = _SQL["sell"]


@dataclass(frozen=True, slots=True)
class Sold:
    """What one listing sells; no SKU when it is unknown. `taken`: its channel's stage takes its orders."""

    channel_code: str
    listing_ref: str
    sku_code: str | None
    units_per_item: int | None
    taken: bool


async def lock_channel(conn: Conn, channel_code: str) -> bool:
    """Makes changes of this channel's listings follow each other; False when the channel is unknown."""
    cursor = await conn.execute(_LOCK_CHANNEL, {"channel_code": channel_code})
    return await cursor.fetchone() is not None


async def upsert(
    conn: Conn, channel_code: str, specs: Sequence[ListingSpec], actor: str
) -> dict[str, Listing]:
    """The listings as they stand, by reference; those whose expected version is not the newest are missing."""
    parameters = {
        "channel_code": channel_code,
        "actor": actor,
        "listing_refs": [spec.listing_ref for spec in specs],
        "sku_codes": [spec.sku_code for spec in specs],
        "units_per_item": [spec.rules.units_per_item for spec in specs],
        "buffer_quantities": [spec.rules.buffer_quantity for spec in specs],
        "share_percents": [spec.rules.share_percent for spec in specs],
        "cap_quantities": [spec.rules.cap_quantity for spec in specs],
        "lives": [spec.live for spec in specs],
        "expected_versions": [spec.expected_version for spec in specs],
    }
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_UPSERT, parameters)
        return {row["listing_ref"]: _listing(row) for row in await cursor.fetchall()}


async def count(conn: Conn, channel_code: str) -> int:
    """How many listings a channel has."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(_COUNT, {"channel_code": channel_code})
        return int(await cursor.fetchone() or 0)


async def set_pause_mode(
    conn: Conn, channel_code: str, listing_ref: str, mode: PauseMode | None, actor: str
) -> Listing | None:
    """The listing with its new pause mode; None when it is unknown."""
    keys = {"channel_code": channel_code, "listing_ref": listing_ref, "actor": actor}
    return await _one(conn, _SET_PAUSE_MODE, {**keys, "pause_mode": mode.value if mode else None})


async def delete(conn: Conn, channel_code: str, listing_ref: str) -> bool:
    """Forgets a listing with its sync state; False when it is unknown."""
    cursor = await conn.execute(_DELETE, {"channel_code": channel_code, "listing_ref": listing_ref})
    return await cursor.fetchone() is not None


async def get(conn: Conn, channel_code: str, listing_ref: str) -> Listing | None:
    """One listing."""
    return await _one(conn, _GET, {"channel_code": channel_code, "listing_ref": listing_ref})


async def list_page(
    conn: Conn, after: tuple[str, str], limit: int, *, channel_code: str = "", sku_code: str = ""
) -> list[Listing]:
    """Listings by channel and reference, after one."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            _LIST,
            {
                "after_channel": after[0],
                "after_ref": after[1],
                "limit": limit,
                "channel_code": channel_code,
                "sku_code": sku_code,
            },
        )
        return [_listing(row) for row in await cursor.fetchall()]


async def sold_by(conn: Conn, listings: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Sold]:
    """What each (channel, listing) sells."""
    async with conn.cursor(row_factory=class_row(Sold)) as cursor:
        await cursor.execute(
            _SELL,
            {
                "channel_codes": [channel_code for channel_code, _ in listings],
                "listing_refs": [listing_ref for _, listing_ref in listings],
            },
        )
        return {(row.channel_code, row.listing_ref): row for row in await cursor.fetchall()}


async def _one(conn: Conn, statement: str, parameters: Mapping[str, object]) -> Listing | None:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        row = await cursor.fetchone()
    return None if row is None else _listing(row)


def _listing(row: Mapping[str, Any]) -> Listing:
    return Listing(
        channel_code=row["channel_code"],
        listing_ref=row["listing_ref"],
        sku_code=row["sku_code"],
        rules=ListingRules(
            row["units_per_item"], row["buffer_quantity"], row["share_percent"], row["cap_quantity"]
        ),
        live=row["live"],
        pause_mode=PauseMode(row["pause_mode"]) if row["pause_mode"] else None,
        row_version=row["row_version"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )
