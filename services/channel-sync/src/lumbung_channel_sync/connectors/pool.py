"""One connector per channel, made anew when the channel or its secret changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from lumbung_channel_sync.connectors.contract import Connector, KeyRefused
from lumbung_channel_sync.connectors.http_client import PlatformHttp, Spacing
from lumbung_channel_sync.connectors.registry import PLATFORMS
from lumbung_channel_sync.domain.channels import Channel, ChannelSecret


@dataclass(frozen=True, slots=True)
class _Made:
    base_url: str
    secret: ChannelSecret
    calls_per_second: int
    connector: Connector


class ConnectorPool:
    """Connectors by channel, with one spacing of calls per channel, whoever makes them."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        secret_of: Callable[[str], ChannelSecret | None],
        timeout_s: float,
    ) -> None:
        self._client = client
        self._secret_of = secret_of
        self._timeout_s = timeout_s
        self._made: dict[str, _Made] = {}

    def connector(self, channel: Channel) -> Connector:
        """The channel's connector. Raises KeyRefused when the secrets file has nothing under its reference."""
        secret = self._secret_of(channel.spec.secret_reference)
        if secret is None:
            raise KeyRefused(f"the secrets file has no entry {channel.spec.secret_reference!r}")
        made = self._made.get(channel.channel_code)
        wanted = (channel.spec.base_url, secret, channel.spec.max_requests_per_second)
        if made is None or (made.base_url, made.secret, made.calls_per_second) != wanted:
            made = _Made(*wanted, self._make(channel, secret))
            self._made[channel.channel_code] = made
        return made.connector

    def _make(self, channel: Channel, secret: ChannelSecret) -> Connector:
        parts = PLATFORMS[channel.platform]
        http = PlatformHttp(
            self._client,
            channel.spec.base_url,
            parts.headers(secret),
            Spacing(channel.spec.max_requests_per_second),
            self._timeout_s,
        )
        return parts.connector(http)
