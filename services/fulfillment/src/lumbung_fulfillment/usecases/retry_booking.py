"""Retry a booking that stock refused, after a person has put right what was wrong."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.bookings import Booking, BookingState
from lumbung_fulfillment.domain.failures import BookingWrongState
from lumbung_fulfillment.stores import bookings
from lumbung_kit.postgres import Conn


async def retry_booking(conn: Conn, booking_id: UUID, request_id: str) -> Booking:
    """Queued again. Raises BookingNotFound, BookingWrongState."""
    booking = await bookings.lock(conn, booking_id)
    if booking.state is not BookingState.REFUSED:
        raise BookingWrongState(metadata={"state": booking.state.name})
    await bookings.send_again(conn, booking, f"RetryBooking/{request_id}")
    return await bookings.get(conn, booking_id)
