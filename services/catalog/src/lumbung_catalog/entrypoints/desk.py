"""What the servicers share: mutations that take effect once, and connections to read from."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from google.protobuf.message import Message

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.stores.constraints import refusals
from lumbung_kit import context
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import answer_before, once
from lumbung_kit.postgres import Conn, Postgres

M = TypeVar("M", bound=Message)


class Desk:
    """Where requests meet the store."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self.postgres = postgres
        self.log = log

    def reading(self) -> AbstractAsyncContextManager[Conn]:
        """A connection whose statements each see what is committed."""
        return self.postgres.connection()

    async def answer_before(self, action: str, request: Message, response_type: type[M]) -> M | None:
        """What `mutate` has answered the same request, for an action that asks others before it takes effect."""
        return await answer_before(self.postgres, action, request, response_type)

    async def mutate(
        self,
        action: str,
        request: Message,
        response_type: type[M],
        work: Callable[[Conn, Act], Awaitable[M]],
        *,
        reason: str = "",
    ) -> M:
        """Does the work in one transaction, once for each request_id, and publishes its events at once."""
        request_id: str = request.request_id  # type: ignore[attr-defined]
        act = Act(action, context.actor(), request_id, reason)
        with refusals():
            response = await once(self.postgres, action, request, response_type, lambda conn: work(conn, act))
        self.log.poke()
        return response
