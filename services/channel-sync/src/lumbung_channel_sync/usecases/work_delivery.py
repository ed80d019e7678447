"""Works through one delivery, whatever it says, and sees to it that it never gets lost: done, later, or parked."""

from __future__ import annotations

import random
from collections.abc import Callable

from lumbung_channel_sync.domain.orders import (
    ChannelOrder,
    OrderCancelled,
    OrderPlaced,
    OrderState,
    ReturnAnnounced,
    Unreadable,
)
from lumbung_channel_sync.domain.retries import ORDER_BACKOFF
from lumbung_channel_sync.stores import happenings, inbox, orders
from lumbung_channel_sync.stores.inbox import Work
from lumbung_channel_sync.stores.orders import OrderKey
from lumbung_channel_sync.usecases.cancel_order import OrderCanceller
from lumbung_channel_sync.usecases.note_return import note_return
from lumbung_channel_sync.usecases.open_orders import Job
from lumbung_channel_sync.usecases.postponed import ForAPerson, Postponed
from lumbung_channel_sync.usecases.take_order import OrderTaker
from lumbung_kit import telemetry
from lumbung_kit.context import acting_as, within
from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Conn, Postgres

TIME_MAX_S = 20.0
BUGS_MAX = 10
"""A delivery that fails so often in a way that nobody foresaw is parked."""

_log = get_logger(__name__)
_worked = telemetry.counter(
    "deliveries_worked", "Deliveries worked through by how it ended", ["channel", "outcome"]
)


class DeliveryWorker:
    """Works through deliveries, any number at a time."""

    def __init__(
        self, postgres: Postgres, taker: OrderTaker, canceller: OrderCanceller, worked: Callable[[], None]
    ) -> None:
        self._postgres = postgres
        self._taker = taker
        self._canceller = canceller
        self._worked = worked

    async def work(self, job: Job) -> None:
        """Never raises for what a delivery says; raises when not even the outcome can be stored."""
        work = job.work
        with (
            telemetry.span(
                "work delivery",
                kind=telemetry.SpanKind.CONSUMER,
                parent=work.traceparent or None,
                channel=work.channel_code,
            ),
            acting_as(f"channel:{work.channel_code}"),
        ):
            outcome = await self._attempt(job)
        if not isinstance(work.message, OrderPlaced):
            self._worked()
        _worked.labels(work.channel_code, outcome).inc()

    async def _attempt(self, job: Job) -> str:
        work = job.work
        try:
            with within(TIME_MAX_S):
                await self._do(work, job.order)
        except ForAPerson as problem:
            await self._park(work, problem)
            return "PARKED"
        except Postponed as postponed:
            await self._postpone(work, postponed)
            return "POSTPONED"
        except Failure as failure:
            delay_s = ORDER_BACKOFF.delay_s(work.attempt_count, jitter=random.random())
            await self._postpone(work, Postponed(delay_s, failure.reason, failure.message))
            return "POSTPONED"
        except Exception as bug:  # noqa: BLE001 - logged, and kept for another try
            _log.exception("delivery failed", channel=work.channel_code, inbox_id=work.inbox_id)
            return await self._survive(work, bug)
        return "DONE"

    async def _do(self, work: Work, order: ChannelOrder | None) -> None:
        match work.message:
            case OrderPlaced():
                await self._take(work, order)
            case OrderCancelled() as cancelled:
                await self._canceller.cancel(work, order, cancelled)
            case ReturnAnnounced() as announced:
                await note_return(self._postgres, work, announced)
            case Unreadable(problem=problem):
                raise ForAPerson("UNREADABLE", problem)

    async def _take(self, work: Work, order: ChannelOrder | None) -> None:
        """An order that is decided, cancelled before it came, or only compared asks nothing of stock."""
        if order is not None and order.state in (OrderState.RECEIVED, OrderState.STUCK):
            await self._taker.take(work.inbox_id, work.attempt_count, order)
            return
        async with self._postgres.connection() as conn:
            await inbox.finish(conn, [work.inbox_id])

    async def _park(self, work: Work, problem: ForAPerson) -> None:
        async def park(conn: Conn) -> None:
            if isinstance(work.message, OrderPlaced):
                key = OrderKey(work.channel_code, work.order_ref)
                await orders.stick(conn, key, problem.reason, problem.message, answered=problem.answered)
            letter = await inbox.park(conn, work.inbox_id, problem.reason, problem.message)
            if letter is not None:
                await happenings.delivery_parked(conn, letter)

        await self._postgres.run(park)
        _log.warning(
            "delivery parked", channel=work.channel_code, inbox_id=work.inbox_id, reason=problem.reason
        )

    async def _postpone(self, work: Work, postponed: Postponed) -> None:
        async with self._postgres.connection() as conn:
            await inbox.postpone(conn, work.inbox_id, postponed.delay_s, postponed.reason, postponed.message)

    async def _survive(self, work: Work, bug: Exception) -> str:
        if work.attempt_count >= BUGS_MAX:
            await self._park(work, ForAPerson("INTERNAL", type(bug).__name__))
            return "PARKED"
        delay_s = ORDER_BACKOFF.delay_s(work.attempt_count, jitter=random.random())
        await self._postpone(work, Postponed(delay_s, "INTERNAL", type(bug).__name__))
        return "POSTPONED"
