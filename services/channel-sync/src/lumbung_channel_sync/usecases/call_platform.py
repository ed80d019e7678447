"""Calls a channel's platform, and keeps in mind whether it can be called."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from lumbung_channel_sync.connectors.contract import Connector, KeyRefused, PlatformTrouble
from lumbung_channel_sync.connectors.pool import ConnectorPool
from lumbung_channel_sync.domain.channels import Channel
from lumbung_channel_sync.domain.retries import CHANNEL_BACKOFF, KEY_BACKOFF
from lumbung_channel_sync.stores import channels
from lumbung_kit import telemetry
from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Postgres

T = TypeVar("T")

_log = get_logger(__name__)
_calls = telemetry.counter(
    "channel_calls", "Calls to platforms by how they ended", ["channel", "call", "outcome"]
)
_seconds = telemetry.histogram("channel_call_duration_seconds", "Time of one call", ["channel", "call"])


class PlatformCaller:
    """Makes calls; after one that failed as a whole, nothing is due on the channel before a time that grows."""

    def __init__(self, postgres: Postgres, connectors: ConnectorPool) -> None:
        self._postgres = postgres
        self._connectors = connectors

    async def call(self, channel: Channel, name: str, make: Callable[[Connector], Awaitable[T]]) -> T:
        """What the platform answered. Raises PlatformTrouble, after noting it."""
        started = time.monotonic()
        code = channel.channel_code
        try:
            with telemetry.span(f"channel {name}", kind=telemetry.SpanKind.CLIENT, channel=code):
                answer = await make(self._connectors.connector(channel))
        except PlatformTrouble as trouble:
            _calls.labels(code, name, trouble.reason).inc()
            await self._note_trouble(channel, name, trouble)
            raise
        elapsed_s = time.monotonic() - started
        _calls.labels(code, name, "OK").inc()
        _seconds.labels(code, name).observe(elapsed_s)
        async with self._postgres.connection() as conn:
            await channels.note_success(conn, code, elapsed_s)
        return answer

    async def _note_trouble(self, channel: Channel, name: str, trouble: PlatformTrouble) -> None:
        backoff = KEY_BACKOFF if isinstance(trouble, KeyRefused) else CHANNEL_BACKOFF
        async with self._postgres.connection() as conn:
            health = await channels.get_health(conn, channel.channel_code)
            delay_s = backoff.delay_s(
                health.failures_in_row + 1, jitter=random.random(), asked_s=trouble.retry_after_s
            )
            await channels.note_trouble(conn, channel.channel_code, trouble.reason, trouble.message, delay_s)
        _log.warning(
            "platform call failed",
            channel=channel.channel_code,
            call=name,
            reason=trouble.reason,
            problem=trouble.message,
            failures_in_row=health.failures_in_row + 1,
            retry_in_s=round(delay_s, 2),
        )


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in pieces that one call may carry."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
