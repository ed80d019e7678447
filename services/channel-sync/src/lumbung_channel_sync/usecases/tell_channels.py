"""Tells one channel what became of its orders."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lumbung_channel_sync.connectors.contract import OrderAnswer, RowOutcome, RowResult
from lumbung_channel_sync.connectors.registry import PLATFORMS
from lumbung_channel_sync.domain.orders import AnswerKind
from lumbung_channel_sync.domain.retries import ANSWER_BACKOFF
from lumbung_channel_sync.stores import answers, channels, orders, sync
from lumbung_channel_sync.stores.answers import FailedAnswer, WaitingAnswer
from lumbung_channel_sync.stores.sync import Moved
from lumbung_channel_sync.usecases.call_platform import PlatformCaller
from lumbung_kit import telemetry
from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Conn, Postgres

_log = get_logger(__name__)
_told = telemetry.counter(
    "channel_answers", "Answers sent to channels by what became of them", ["channel", "outcome"]
)


class AnswerSender:
    """Sends what waits, oldest first."""

    def __init__(self, postgres: Postgres, caller: PlatformCaller) -> None:
        self._postgres = postgres
        self._caller = caller

    async def send_waiting(self, channel_code: str) -> int:
        """One call's worth of answers; how many. Raises PlatformTrouble when the call as a whole failed: then all
        stays waiting, and the same answers are sent again, which changes nothing on the platform."""
        async with self._postgres.connection() as conn:
            channel = await channels.get(conn, channel_code)
            if channel is None:
                return 0
            limits = PLATFORMS[channel.platform].limits
            waiting = await answers.read_waiting(conn, channel_code, limits.answers_per_call)
        if not waiting:
            return 0
        rows = [OrderAnswer(one.key.order_ref, one.kind, one.reason, one.message) for one in waiting]
        links = [one.traceparent for one in waiting if one.traceparent]
        with telemetry.span("tell channel", links=links, channel=channel_code, answers=len(waiting)):
            outcomes = await self._caller.call(
                channel, "answer_orders", lambda platform: platform.answer_orders(rows)
            )
        await self._postgres.run(lambda conn: _store(conn, waiting, outcomes))
        for outcome in outcomes:
            _told.labels(channel_code, outcome.result.name).inc()
        return len(waiting)


async def _store(conn: Conn, waiting: Sequence[WaitingAnswer], outcomes: Sequence[RowOutcome]) -> None:
    pairs = list(zip(waiting, outcomes, strict=True))
    taken = [one for one, outcome in pairs if outcome.result is RowResult.APPLIED]
    failed = [_failed(one, outcome) for one, outcome in pairs if outcome.result is not RowResult.APPLIED]
    await answers.mark_sent(conn, [one.answer_id for one in taken])
    await answers.mark_failed(conn, failed)
    await orders.note_answered(conn, sorted(one.key for one in taken))
    # A platform may raise its own figure when an order ends there: what it shows is not known until the next push.
    ended = [one.key for one in taken if one.kind in (AnswerKind.REJECT, AnswerKind.CANCEL)]
    found = await orders.get_many(conn, ended)
    await sync.move(
        conn,
        [Moved(key.channel_code, line.listing_ref) for key, order in found.items() for line in order.lines],
    )
    for one in failed:
        if one.parked:
            _log.warning("answer parked", answer_id=one.answer_id, reason=one.reason)


def _failed(waiting: WaitingAnswer, outcome: RowOutcome) -> FailedAnswer:
    return FailedAnswer(
        waiting.answer_id,
        reason=outcome.reason or outcome.result.name,
        message=outcome.message,
        delay_s=ANSWER_BACKOFF.delay_s(waiting.attempt_count + 1, jitter=random.random()),
        parked=outcome.result is RowResult.REFUSED,
    )
