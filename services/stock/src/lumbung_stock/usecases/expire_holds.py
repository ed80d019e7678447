"""Expire holds: give back what nobody confirmed in time, judged by Postgres' clock alone (P4, P7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lumbung_kit.logs import get_logger
from lumbung_stock.usecases.decide_together import together_or_alone
from lumbung_stock.usecases.sale_ports import SaleLedger

EXPIRE_BATCH = 200

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExpireHolds:
    """One round over the holds that are due."""

    ledger: SaleLedger

    async def __call__(self) -> int:
        """Expires up to EXPIRE_BATCH holds; returns how many. One that the database refuses to write waits for a
        person, and the others do not wait for it."""
        due = await self.ledger.due_holds(EXPIRE_BATCH)
        if not due:
            return 0
        answers = await together_or_alone(due, self._expire)
        refused = [(hold, answer) for hold, answer in zip(due, answers, strict=True) if answer is not None]
        for hold_id, trouble in refused:
            _LOG.error("hold cannot be expired", reservation_id=str(hold_id), trouble=repr(trouble))
        return len(due) - len(refused)

    async def _expire(self, hold_ids: Sequence[UUID]) -> Sequence[None]:
        await self.ledger.expire(hold_ids)
        return [None] * len(hold_ids)
