"""Lock the reservation whose goods are about to move."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.reservation_failures import ReservationNotFound
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores.reservations import lock_reservations


async def lock_reservation(conn: Conn, reservation_id: UUID) -> Reservation:
    """The reservation, locked until the transaction ends. The first lock. Raises ReservationNotFound."""
    found = await lock_reservations(conn, [reservation_id])
    if reservation_id not in found:
        raise ReservationNotFound(metadata={"reservation_id": str(reservation_id)})
    return found[reservation_id]
