"""Expire holds: give back what nobody confirmed in time, judged by Postgres' clock alone (P4, P7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lumbung_kit.events import EventLog
from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.reservations import Resolution, Verb
from lumbung_stock.stores import reservations
from lumbung_stock.usecases.decide_together import together_or_alone
from lumbung_stock.usecases.resolve_reservations import resolve_reservations

EXPIRE_BATCH = 200

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """One round over the holds that are due."""

    postgres: Postgres
    log: EventLog

    async def __call__(self) -> int:
        """Expires up to EXPIRE_BATCH holds; returns how many. One that the database refuses to write waits for a
        person, and the others do not wait for it."""
        due = await self.postgres.run(lambda conn: reservations.find_due(conn, EXPIRE_BATCH))
        if not due:
            return 0
        answers = await together_or_alone(due, self._expire)
        refused = [(hold, answer) for hold, answer in zip(due, answers, strict=True) if answer is not None]
        for hold_id, trouble in refused:
            _LOG.error("hold cannot be expired", reservation_id=str(hold_id), trouble=repr(trouble))
        self.log.poke()
        return len(due) - len(refused)

    async def _expire(self, hold_ids: Sequence[UUID]) -> Sequence[None]:
        await self.postgres.run(lambda conn: expire_holds(conn, hold_ids))
        return [None] * len(hold_ids)


async def expire_holds(conn: Conn, hold_ids: Sequence[UUID]) -> None:
    """Expires these holds in the caller's transaction, but for those that somebody has resolved or is resolving."""
    free = await reservations.lock_unclaimed(conn, hold_ids)
    await resolve_reservations(conn, [Resolution(hold_id, Verb.EXPIRE, "") for hold_id in free])
