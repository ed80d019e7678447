"""Get a reservation as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.reservation_failures import ReservationNotFound
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores import reservations


@dataclass(frozen=True, slots=True)
class GetReservation:
    """Reads one reservation from the primary."""

    postgres: Postgres

    async def __call__(self, reservation_id: UUID) -> Reservation:
        """Raises ReservationNotFound."""
        async with self.postgres.connection() as conn:
            found = await reservations.find_by_id(conn, [reservation_id])
        if reservation_id not in found:
            raise ReservationNotFound(metadata={"reservation_id": str(reservation_id)})
        return found[reservation_id]
