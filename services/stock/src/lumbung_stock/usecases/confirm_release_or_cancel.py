"""Confirm, release and cancel: many callers' wishes in one transaction, each with its own answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.errors import UniqueViolation

from lumbung_kit.events import EventLog
from lumbung_kit.failures import ConcurrentChange, Failure
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.reservations import Reservation, Resolution
from lumbung_stock.usecases.resolve_reservations import resolve_reservations


@dataclass(frozen=True, slots=True)
class ConfirmReleaseOrCancel:
    """Decides a micro-batch of wishes: what the batcher calls."""

    postgres: Postgres
    log: EventLog

    async def __call__(self, wishes: list[Resolution]) -> Sequence[Reservation | Failure]:
        """One answer per wish, in order."""
        try:
            return await self._decide(wishes)
        except UniqueViolation:
            return [await self._decide_alone(wish) for wish in wishes]

    async def _decide_alone(self, wish: Resolution) -> Reservation | Failure:
        """Another replica took the same request_id or order reference between our look and our write; the next
        look sees it."""
        for _ in range(2):
            try:
                return (await self._decide([wish]))[0]
            except UniqueViolation:
                continue
        return ConcurrentChange(retry_after_s=0.1)

    async def _decide(self, wishes: list[Resolution]) -> list[Reservation | Failure]:
        async def work(conn: Conn) -> list[Reservation | Failure]:
            return await resolve_reservations(conn, wishes)

        answers = await self.postgres.run(work)
        self.log.poke()
        return answers
