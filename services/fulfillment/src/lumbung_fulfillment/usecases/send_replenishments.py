"""Send what was carried to stock, until it has answered for good.

As with bookings (send_bookings.py): the call that wrote it down sends it at once, and the loop sends what that leaves
behind. Stock knows each by one id, so sending twice moves the goods once.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.bookings import backoff
from lumbung_fulfillment.domain.replenishment import Replenishment, ReplenishmentState, refuses_for_good
from lumbung_fulfillment.stores import replenishments
from lumbung_kit import context, logs, telemetry
from lumbung_kit.clients import RemoteFailure
from lumbung_kit.postgres import Postgres

ATTEMPT_S_MAX = 4.0
ATTEMPT_LEASE = timedelta(seconds=8)
LOOP_INTERVAL_S = 0.5
AT_ONCE_MAX = 8

_log = logs.get_logger(__name__)
_sent = telemetry.counter(
    "replenishments_sent", "Attempts to book a refilled pick face in stock", ["outcome"]
)
_unbooked = telemetry.gauge("replenishments_unbooked", "Refilled pick faces that stock has not taken")
_oldest = telemetry.gauge(
    "replenishments_unbooked_oldest_seconds",
    "Age of the oldest refilled pick face that stock has not taken",
)


class ReplenishmentSender:
    """Sends what was written down."""

    def __init__(self, postgres: Postgres, stock: Stock) -> None:
        self._postgres = postgres
        self._stock = stock

    async def send(self, replenishment_id: UUID) -> Replenishment:
        """Sends it if it is due; as it stands then."""
        async with self._postgres.connection() as conn:
            taken = await replenishments.take(conn, replenishment_id, ATTEMPT_LEASE)
        if taken is not None:
            await self._attempt(taken)
        async with self._postgres.connection() as conn:
            return await replenishments.get(conn, replenishment_id)

    async def run(self) -> None:
        """Sends what is due, for ever."""
        while True:
            async with self._postgres.connection() as conn:
                due = await replenishments.due(conn, AT_ONCE_MAX)
                carried, oldest_s = await replenishments.unbooked(conn)
            _unbooked.set(carried)
            _oldest.set(oldest_s)
            await asyncio.gather(*(self.send(replenishment_id) for replenishment_id in due))
            if not due:
                await asyncio.sleep(LOOP_INTERVAL_S)

    async def _attempt(self, taken: Replenishment) -> None:
        links = [taken.traceparent] if taken.traceparent else []
        try:
            with (
                telemetry.span("book replenishment", links=links),
                context.acting_as(taken.actor),
                context.within(ATTEMPT_S_MAX),
            ):
                await self._stock.move(taken)
        except RemoteFailure as refusal:
            await self._refused(taken, refusal)
            return
        _sent.labels("done").inc()
        async with self._postgres.connection() as conn:
            await replenishments.settle(conn, taken.replenishment_id, ReplenishmentState.DONE, "")

    async def _refused(self, taken: Replenishment, refusal: RemoteFailure) -> None:
        error = refusal.reason or refusal.kind.name
        async with self._postgres.connection() as conn:
            if not refuses_for_good(refusal.kind, taken.attempt_count):
                _sent.labels("later").inc()
                wait = backoff(taken.attempt_count, random.random())
                await replenishments.postpone(conn, taken.replenishment_id, error, wait)
                return
            await replenishments.settle(conn, taken.replenishment_id, ReplenishmentState.REFUSED, error)
        _sent.labels("refused").inc()
        _log.error(
            "stock refused a replenishment",
            replenishment_id=str(taken.replenishment_id),
            error=str(refusal),
        )
