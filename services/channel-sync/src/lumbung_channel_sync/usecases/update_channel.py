"""Changes what can be edited of a channel."""

from __future__ import annotations

from lumbung_channel_sync.domain.channels import Channel, ChannelSpec
from lumbung_channel_sync.domain.failures import ChannelNotFound
from lumbung_channel_sync.stores import channels, happenings
from lumbung_kit.context import actor
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn


async def update_channel(conn: Conn, channel_code: str, row_version: int, spec: ChannelSpec) -> Channel:
    """The channel with its new spec, if `row_version` is still its newest."""
    channel = await channels.update(conn, channel_code, row_version, spec, actor())
    if channel is None:
        if await channels.get(conn, channel_code) is None:
            raise ChannelNotFound(metadata={"channel_code": channel_code})
        raise ConcurrentChange
    await happenings.channel_changed(conn, channel)
    return channel
