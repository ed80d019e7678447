"""Stops a channel's figures, or lets them follow again."""

from __future__ import annotations

from lumbung_channel_sync.domain.channels import Channel, PauseMode
from lumbung_channel_sync.domain.failures import ChannelNotFound
from lumbung_channel_sync.stores import channels, happenings, sync
from lumbung_kit.context import actor
from lumbung_kit.postgres import Conn


async def pause_channel(conn: Conn, channel_code: str, mode: PauseMode) -> Channel:
    """The figures go to 0, or stay as they are."""
    return await _set_pause_mode(conn, channel_code, mode)


async def resume_channel(conn: Conn, channel_code: str) -> Channel:
    """Every listing is considered again."""
    return await _set_pause_mode(conn, channel_code, None)


async def _set_pause_mode(conn: Conn, channel_code: str, mode: PauseMode | None) -> Channel:
    before = await channels.get(conn, channel_code)
    if before is None:
        raise ChannelNotFound(metadata={"channel_code": channel_code})
    if before.pause_mode is mode:
        return before
    channel = await channels.set_pause_mode(conn, channel_code, mode, actor())
    if channel is None:
        raise ChannelNotFound(metadata={"channel_code": channel_code})
    await sync.mark_channel(conn, channel_code)
    await happenings.channel_changed(conn, channel)
    return channel
