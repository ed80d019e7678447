"""What every mutation of a service has in common: it takes effect once, and its events are told at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres

M = TypeVar("M", bound=Message)


class Mutations:
    """For services that have a `_postgres` and a `_log`."""

    _postgres: Postgres
    _log: EventLog

    async def _once(
        self, method: str, request: Message, response_type: type[M], work: Callable[[Conn], Awaitable[M]]
    ) -> M:
        """As `lumbung_kit.idempotency.once`; whoever follows the log is told without waiting for its next look."""
        response = await once(self._postgres, method, request, response_type, work)
        self._log.poke()
        return response
