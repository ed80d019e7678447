"""Wait until Postgres has a reservation: whoever committed it, here or in another replica."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from lumbung_kit import context
from lumbung_kit.failures import Overloaded, RequestIdReused
from lumbung_kit.loops import Wakeup
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.reservation_failures import HoldPending
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores import reservations

POLL_INTERVAL_S = 0.05
POLL_BATCH = 500
WAIT_MAX_S = 60.0
"""A request that has waited this long has lost its caller."""
_MARGIN_S = 0.05


class DurableAnswers:
    """Callers wait by request_id. The committer of this process settles them at once; others' are polled for.

    Holds at most `max_waiting` requests.
    """

    def __init__(self, postgres: Postgres, *, max_waiting: int) -> None:
        self._postgres = postgres
        self._max_waiting = max_waiting
        self._waiting: dict[str, tuple[float, asyncio.Future[Reservation]]] = {}
        self._wakeup = Wakeup()

    async def wait(self, request_id: str, content_hash: bytes) -> Reservation:
        """The first answer to this request.

        Raises HoldPending when it is not durable by the call's deadline: the same request finds its answer later.
        """
        future = self._future(request_id)
        try:
            async with asyncio.timeout(max(0.0, context.deadline_remaining_s() - _MARGIN_S)):
                reservation = await asyncio.shield(future)
        except TimeoutError:
            raise HoldPending(retry_after_s=1.0) from None
        if reservation.content_hash != content_hash:
            raise RequestIdReused
        return reservation

    def settle(self, answers: Mapping[str, Reservation]) -> None:
        """Tells everybody who waits for one of these requests."""
        for request_id, reservation in answers.items():
            if entry := self._waiting.pop(request_id, None):
                entry[1].set_result(reservation)

    async def poll(self) -> None:
        """One round for those whose answer another replica may have written, or that were decided long ago."""
        if not self._waiting:
            await self._wakeup.wait(1.0)
        await asyncio.sleep(POLL_INTERVAL_S)
        self._forget_the_late()
        oldest = time.monotonic() - POLL_INTERVAL_S
        due = [request_id for request_id, (since, _) in self._waiting.items() if since <= oldest][:POLL_BATCH]
        if due:
            async with self._postgres.connection() as conn:
                self.settle(await reservations.find_by_request(conn, due))

    def _future(self, request_id: str) -> asyncio.Future[Reservation]:
        if entry := self._waiting.get(request_id):
            return entry[1]
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(retry_after_s=0.5)
        future: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = (time.monotonic(), future)
        self._wakeup.ring()
        return future

    def _forget_the_late(self) -> None:
        """Nobody waits longer than a call may take."""
        oldest = time.monotonic() - WAIT_MAX_S
        for request_id in [request_id for request_id, (since, _) in self._waiting.items() if since < oldest]:
            del self._waiting[request_id]
