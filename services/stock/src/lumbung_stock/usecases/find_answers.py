"""Find what requests were answered before (P3): those who ask at the same time share a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores import reservations


@dataclass(frozen=True, slots=True)
class FindAnswers:
    """Looks for a micro-batch of request ids: what the batcher calls."""

    postgres: Postgres

    async def __call__(self, request_ids: list[str]) -> Sequence[Reservation | None]:
        """One answer per id; None where there is none yet."""
        async with self.postgres.connection() as conn:
            known = await reservations.find_by_request(conn, request_ids)
        return [known.get(request_id) for request_id in request_ids]
