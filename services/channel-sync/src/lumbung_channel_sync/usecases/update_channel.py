"""Changes what can be edited of a channel."""

from __future__ import annotations

from lumbung_channel_sync.domain.channels import Channel, ChannelSpec
from lumbung_channel_sync.domain.failures import ChannelNotFound
from lumbung_channel_sync.stores import channels, happenings, sync
from lumbung_kit.context import actor
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn


async def update_channel(conn: Conn, channel_code: str, row_version: int, spec: ChannelSpec) -> Channel:
    """The channel with its new spec, if `row_version` is still its newest. Of another shop than before, nothing is
    known: every figure is pushed anew."""
    before = await channels.get(conn, channel_code)
    if before is None:
        raise ChannelNotFound(metadata={"channel_code": channel_code})
    channel = await channels.update(conn, channel_code, row_version, spec, actor())
    if channel is None:
        raise ConcurrentChange
    await channels.forgive(conn, channel_code)
    if _names_a_shop(before.spec) != _names_a_shop(spec):
        await sync.doubt_channel(conn, channel_code)
    await happenings.channel_changed(conn, channel)
    return channel


def _names_a_shop(spec: ChannelSpec) -> tuple[str, str]:
    return spec.base_url, spec.account_reference
