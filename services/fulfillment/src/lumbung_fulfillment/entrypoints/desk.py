"""What the servicers share: mutations that take effect once, connections to read from, and stock's answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message

from lumbung.fulfillment.v1 import bookings_pb2
from lumbung_fulfillment.entrypoints.messages import booking_message
from lumbung_fulfillment.usecases.send_bookings import BookingSender
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres

M = TypeVar("M", bound=Message)


class Desk:
    """Where requests meet the store."""

    def __init__(self, postgres: Postgres, log: EventLog, sender: BookingSender) -> None:
        self.postgres = postgres
        self._log = log
        self._sender = sender

    def reading(self) -> AbstractAsyncContextManager[Conn]:
        """A connection whose statements each see what is committed."""
        return self.postgres.connection()

    async def once(
        self, method: str, request: Message, response_type: type[M], work: Callable[[Conn], Awaitable[M]]
    ) -> M:
        """Does the work in one transaction, once for each request_id, and publishes its events at once."""
        response = await once(self.postgres, method, request, response_type, work)
        self._log.poke()
        return response

    async def booked(self, booking_id: str) -> bookings_pb2.Booking:
        """Sends a booking to stock; as it stands when stock has answered, or when time is short."""
        return booking_message(await self._sender.send(UUID(booking_id)))
