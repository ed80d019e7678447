"""Connects a channel."""

from __future__ import annotations

from lumbung_channel_sync.domain.channels import CHANNELS_MAX, Channel, ChannelSpec, Platform
from lumbung_channel_sync.domain.failures import ChannelExists, TooManyChannels
from lumbung_channel_sync.stores import channels, happenings
from lumbung_kit.context import actor
from lumbung_kit.postgres import Conn


async def create_channel(conn: Conn, channel_code: str, platform: Platform, spec: ChannelSpec) -> Channel:
    """The new channel, in stage SHADOW: nothing is pushed and no order taken yet."""
    if await channels.count(conn) >= CHANNELS_MAX:
        raise TooManyChannels(f"{CHANNELS_MAX} channels are connected, which is the most")
    channel = await channels.insert(conn, channel_code, platform, spec, actor())
    if channel is None:
        raise ChannelExists(metadata={"channel_code": channel_code})
    await happenings.channel_changed(conn, channel)
    return channel
