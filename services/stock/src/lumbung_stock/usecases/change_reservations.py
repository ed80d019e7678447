"""Confirm, release, extend and cancel: many callers' wishes in one transaction, each with its own answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.errors import UniqueViolation

from lumbung_kit.events import EventLog
from lumbung_kit.failures import ConcurrentChange, Failure
from lumbung_kit.metrics import counter, histogram
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.reservations import Reservation, Resolution, Verb
from lumbung_stock.usecases.decide_together import together_or_alone
from lumbung_stock.usecases.resolve_reservations import resolve_reservations

LOOKS_MAX = 3

_ANSWERED = counter(
    "lumbung_stock_resolutions",
    "Answers to Confirm, Release, ExtendHold and CancelReservation",
    ["verb", "outcome"],
)
_HELD_FOR = histogram(
    "lumbung_stock_hold_to_confirm_seconds",
    "From a hold to its Confirm",
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600),
)


@dataclass(frozen=True, slots=True)
class ChangeReservations:
    """Decides a micro-batch of wishes: what the batcher calls."""

    postgres: Postgres
    log: EventLog

    async def __call__(self, wishes: list[Resolution]) -> Sequence[Reservation | BaseException]:
        """One answer per wish, in order."""
        answers = await together_or_alone(wishes, self._decide)
        self.log.poke()
        for wish, answer in zip(wishes, answers, strict=True):
            _observe(wish, answer)
        return answers

    async def _decide(self, wishes: Sequence[Resolution]) -> Sequence[Reservation | Failure]:
        """Another replica may take the same request_id or order reference between our look and our write: a wish
        that stands alone looks again, and sees it."""
        for _ in range(LOOKS_MAX - 1):
            try:
                return await self.postgres.run(lambda conn: resolve_reservations(conn, wishes))
            except UniqueViolation:
                if len(wishes) > 1:
                    raise
        try:
            return await self.postgres.run(lambda conn: resolve_reservations(conn, wishes))
        except UniqueViolation as error:
            raise ConcurrentChange(retry_after_s=0.1) from error


def _observe(wish: Resolution, answer: Reservation | BaseException) -> None:
    if isinstance(answer, Reservation):
        outcome = answer.state.name
        if wish.verb is Verb.CONFIRM and answer.resolve_time is not None:
            _HELD_FOR.observe((answer.resolve_time - answer.create_time).total_seconds())
    else:
        outcome = answer.reason if isinstance(answer, Failure) else "INTERNAL"
    _ANSWERED.labels(wish.verb.name, outcome).inc()
