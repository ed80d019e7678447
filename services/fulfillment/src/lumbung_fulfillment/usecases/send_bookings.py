"""Send bookings to stock, in order per customer order, until it has answered each for good.

The call that wrote a booking sends it at once and waits a moment for the answer; what it leaves behind (stock
away, this process killed) is sent by the loop. Two may send the same booking at the same time: stock books it
once, by its id.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.bookings import Booking, BookingState, Verdict, backoff, judge
from lumbung_fulfillment.stores import bookings
from lumbung_fulfillment.stores.bookings import Backlog
from lumbung_fulfillment.usecases.settle_booking import settle_booking
from lumbung_kit import context, logs, telemetry
from lumbung_kit.clients import RemoteFailure
from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Postgres

ATTEMPT_S_MAX = 4.0
ATTEMPT_LEASE = timedelta(seconds=8)
WAIT_S_MAX = 3.0
"""How long a call waits for stock's answer to its own booking."""
POLL_S = 0.02
LOOP_INTERVAL_S = 0.25
ORDERS_AT_ONCE_MAX = 8
_TIME_TO_ANSWER_S = 0.5

_log = logs.get_logger(__name__)
_sent = telemetry.counter("bookings_sent", "Attempts to book a step in stock", ["kind", "outcome"])
_unfinished = telemetry.gauge("bookings_unfinished", "Bookings that stock has not taken", ["state"])
_oldest = telemetry.gauge("bookings_oldest_seconds", "Age of the oldest unfinished booking", ["state"])


class BookingSender:
    """Sends what was written down."""

    def __init__(self, postgres: Postgres, stock: Stock, log: EventLog) -> None:
        self._postgres = postgres
        self._stock = stock
        self._log = log

    async def send(self, booking_id: UUID) -> Booking:
        """Sends what its order has to send, up to this one; the booking as it stands when that is answered, or when
        time is short.
        """
        wait_s = min(WAIT_S_MAX, context.deadline_remaining_s() - _TIME_TO_ANSWER_S)
        until = time.monotonic() + wait_s
        while True:
            async with self._postgres.connection() as conn:
                booking = await bookings.get(conn, booking_id)
            if booking.state is not BookingState.QUEUED or time.monotonic() >= until:
                return booking
            if not await self._send_head(booking.step.order_id):
                async with self._postgres.connection() as conn:
                    head = await bookings.head(conn, booking.step.order_id)
                    booking = await bookings.get(conn, booking_id)
                if head is not None and (head.last_error or head.state is BookingState.REFUSED):
                    return booking
                await asyncio.sleep(POLL_S)

    async def run(self) -> None:
        """Sends what is due, for ever."""
        while True:
            if not await self._send_due():
                await asyncio.sleep(LOOP_INTERVAL_S)

    async def _send_due(self) -> bool:
        """Whether anything was sent."""
        async with self._postgres.connection() as conn:
            order_ids = await bookings.due(conn, ORDERS_AT_ONCE_MAX)
            _show(await bookings.backlog(conn))
        sent = await asyncio.gather(*(self._send_head(order_id) for order_id in order_ids))
        return any(sent)

    async def _send_head(self, order_id: UUID) -> bool:
        """Sends the first unfinished booking of an order; False when it is not to be sent now."""
        async with self._postgres.connection() as conn:
            head = await bookings.head(conn, order_id)
            if head is None or head.state is BookingState.REFUSED:
                return False
            taken = await bookings.take(conn, head.booking_id, ATTEMPT_LEASE)
        if taken is None:
            return False
        verdict = await self._attempt(taken)
        return verdict is not Verdict.LATER

    async def _attempt(self, booking: Booking) -> Verdict:
        verdict, error = await self._ask(booking)
        _sent.labels(booking.step.kind.value, verdict.value).inc()
        if verdict is Verdict.LATER:
            wait = backoff(booking.attempt_count, random.random())
            async with self._postgres.connection() as conn:
                await bookings.postpone(conn, booking.booking_id, error, wait)
            return verdict
        with context.acting_as(booking.actor):
            await self._postgres.run(lambda conn: settle_booking(conn, booking.booking_id, verdict, error))
        self._log.poke()
        return verdict

    async def _ask(self, booking: Booking) -> tuple[Verdict, str]:
        """What stock makes of it."""
        if await self._undoes_nothing(booking):
            return Verdict.NOTHING_TO_BOOK, ""
        step = booking.step
        links = [booking.traceparent] if booking.traceparent else []
        try:
            with (
                telemetry.span(f"book {step.kind.value}", links=links),
                context.acting_as(booking.actor),
                context.within(ATTEMPT_S_MAX),
            ):
                await self._stock.book(step, booking.stock_request_id)
        except RemoteFailure as refusal:
            verdict = judge(step, refusal.kind, refusal.reason, refusal.metadata, booking.attempt_count)
            if verdict is Verdict.REFUSED:
                _log.error("stock refused a booking", booking_id=str(booking.booking_id), error=str(refusal))
            return verdict, refusal.reason or refusal.kind.name
        return Verdict.DONE, ""

    async def _undoes_nothing(self, booking: Booking) -> bool:
        """Whether it takes back a step that stock never saw."""
        if booking.undoes_booking_id is None:
            return False
        async with self._postgres.connection() as conn:
            undone = await bookings.get(conn, booking.undoes_booking_id)
        return undone.state is BookingState.VOID


def _show(unfinished: Sequence[Backlog]) -> None:
    """What waits for stock, or for a person."""
    by_state = {each.state: each for each in unfinished}
    for state in (BookingState.QUEUED, BookingState.REFUSED):
        found = by_state.get(state)
        _unfinished.labels(state.value).set(found.count if found else 0)
        _oldest.labels(state.value).set(found.oldest_s if found else 0)
