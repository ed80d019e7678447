"""Keeps a genuine delivery: it is answered when it is committed, and never before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lumbung_channel_sync.domain.orders import kind_of
from lumbung_channel_sync.stores import inbox
from lumbung_channel_sync.stores.inbox import Delivery
from lumbung_kit import telemetry
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.postgres import Postgres

BATCH_MAX = 128
WAITING_MAX = 4096

_received = telemetry.counter("deliveries_received", "Genuine deliveries", ["channel", "kind"])


class DeliveryReceiver:
    """Deliveries that arrive while others are being committed share the next commit."""

    def __init__(self, postgres: Postgres, stored: Callable[[], None]) -> None:
        self._postgres = postgres
        self._stored = stored
        self._batcher: MicroBatcher[Delivery, None] = MicroBatcher(
            self._store, max_batch=BATCH_MAX, max_waiting=WAITING_MAX, name="deliveries"
        )

    async def receive(self, delivery: Delivery) -> None:
        """Returns when the delivery is durable. Raises Overloaded or StoreUnavailable when it is not."""
        await self._batcher.submit(delivery)
        _received.labels(delivery.channel_code, kind_of(delivery.message).value).inc()

    async def close(self) -> None:
        """Waits for what was taken in."""
        await self._batcher.close()

    async def _store(self, batch: Sequence[Delivery]) -> list[None]:
        """One row per effect, ordered so that two processes never wait for each other in a circle."""
        by_effect = {delivery.effect_key: delivery for delivery in reversed(batch)}
        ordered = sorted(
            by_effect.values(), key=lambda one: (one.channel_code, one.effect_key[1].value, one.effect_key[2])
        )
        await self._postgres.run(lambda conn: inbox.store(conn, ordered))
        self._stored()
        return [None] * len(batch)
