"""Reads some listings' figures on the channel now, and pushes again what differs or was parked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from lumbung_channel_sync.connectors.contract import PlatformTrouble
from lumbung_channel_sync.domain.channels import Channel
from lumbung_channel_sync.domain.failures import ChannelNotFound, ChannelUnavailable, ListingNotFound
from lumbung_channel_sync.domain.statuses import ListingStatus
from lumbung_channel_sync.stores import channels, sync
from lumbung_channel_sync.stores.sync import StatusFilter
from lumbung_channel_sync.usecases.reconcile_figures import Reconciler
from lumbung_kit.postgres import Conn, Postgres


async def read_channel_figures(
    postgres: Postgres, reconciler: Reconciler, channel_code: str, listing_refs: Sequence[str]
) -> dict[str, int]:
    """What the channel shows for these now. Not within a transaction: it calls the platform."""
    async with postgres.connection() as conn:
        channel = await channels.get(conn, channel_code)
        if channel is None:
            raise ChannelNotFound(metadata={"channel_code": channel_code})
        await require_callable(conn, channel)
    try:
        return await reconciler.read_shown(channel, listing_refs)
    except PlatformTrouble as trouble:
        raise ChannelUnavailable(
            metadata={"problem": trouble.reason}, retry_after_s=trouble.retry_after_s or 5.0
        ) from trouble


async def require_callable(conn: Conn, channel: Channel) -> None:
    """Nothing goes out before the time that the platform named, also when a person asks."""
    health = await channels.get_health(conn, channel.channel_code)
    if health.next_call_time is None or health.reason != "RATE_LIMITED":
        return
    left_s = (health.next_call_time - datetime.now(UTC)).total_seconds()
    if left_s > 0:
        raise ChannelUnavailable(metadata={"problem": health.reason}, retry_after_s=left_s)


async def repair_listings(
    conn: Conn, channel_code: str, listing_refs: Sequence[str], shown: Mapping[str, int]
) -> tuple[list[ListingStatus], int]:
    """The statuses in the order asked, and how many are pushed again."""
    wanted = StatusFilter(channel_code=channel_code, listing_refs=tuple(listing_refs))
    before = await sync.list_statuses(conn, wanted, ("", ""), len(listing_refs))
    known = {status.listing_ref: status for status in before}
    missing = [ref for ref in listing_refs if ref not in known]
    if missing:
        raise ListingNotFound(metadata={"channel_code": channel_code, "listing_refs": ",".join(missing[:10])})
    wrong = [ref for ref in listing_refs if _is_wrong(known[ref], shown.get(ref))]
    await sync.observe(conn, channel_code, {ref: shown[ref] for ref in listing_refs if ref in shown})
    await sync.repair(conn, channel_code, wrong)
    after = await sync.list_statuses(conn, wanted, ("", ""), len(listing_refs))
    by_ref = {status.listing_ref: status for status in after}
    return [by_ref[ref] for ref in listing_refs], len(wrong)


def _is_wrong(status: ListingStatus, shown: int | None) -> bool:
    """A listing that the channel does not know is tried as well: its answer to a push says more."""
    return (
        status.parked or shown is None or status.desired_quantity is None or shown != status.desired_quantity
    )
