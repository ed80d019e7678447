"""Channels by code, remembered for a moment: every webhook asks."""

from __future__ import annotations

import asyncio
import time

from lumbung_channel_sync.domain.channels import CHANNELS_MAX, Channel
from lumbung_channel_sync.stores import channels
from lumbung_kit.postgres import Postgres

FRESH_S = 1.0
MISS_S = 0.1
"""A code that is unknown is looked up again no more often than this, whoever asks for it."""


class ChannelDirectory:
    """All channels, at most a second old."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._by_code: dict[str, Channel] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._changes = 0

    async def get(self, channel_code: str) -> Channel | None:
        """The channel, or None when there is none of this code."""
        await self._read_if_older(FRESH_S)
        if channel_code not in self._by_code:
            await self._read_if_older(MISS_S)
        return self._by_code.get(channel_code)

    async def all(self) -> list[Channel]:
        """Every channel, by code."""
        await self._read_if_older(FRESH_S)
        return list(self._by_code.values())

    def forget(self) -> None:
        """A channel was made or changed here: the next to ask reads anew."""
        self._changes += 1
        self._read_at = float("-inf")

    async def _read_if_older(self, age_s: float) -> None:
        async with self._reading:
            if time.monotonic() - self._read_at < age_s:
                return
            changes, began = self._changes, time.monotonic()
            async with self._postgres.connection() as conn:
                found = await channels.list_page(conn, "", CHANNELS_MAX * 2)
            self._by_code = {channel.channel_code: channel for channel in found}
            if changes == self._changes:
                self._read_at = began
