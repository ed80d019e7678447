"""Calls a channel's platform once, without changing anything."""

from __future__ import annotations

from lumbung_channel_sync.connectors.contract import PlatformTrouble
from lumbung_channel_sync.domain.failures import ChannelNotFound
from lumbung_channel_sync.stores import channels
from lumbung_channel_sync.usecases.call_platform import PlatformCaller
from lumbung_channel_sync.usecases.repair_listings import require_callable
from lumbung_kit.postgres import Postgres


async def check_channel(
    postgres: Postgres, caller: PlatformCaller, channel_code: str
) -> PlatformTrouble | None:
    """What is wrong; None when the platform took our key."""
    async with postgres.connection() as conn:
        channel = await channels.get(conn, channel_code)
        if channel is None:
            raise ChannelNotFound(metadata={"channel_code": channel_code})
        await require_callable(conn, channel)
    try:
        await caller.call(channel, "check", lambda platform: platform.check())
    except PlatformTrouble as trouble:
        return trouble
    return None
