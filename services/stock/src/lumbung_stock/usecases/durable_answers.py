"""Wait until Postgres has a reservation: whoever committed it, here or in another replica."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lumbung_kit.failures import Overloaded
from lumbung_kit.loops import Wakeup, loop_time
from lumbung_stock.domain.answers import as_made
from lumbung_stock.domain.reservation_failures import HoldParked
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.usecases.sale_ports import SaleLedger

POLL_INTERVAL_S = 0.05
COMMITTER_PATIENCE_S = 0.25
POLL_BATCH = 500


@dataclass(slots=True)
class _Request:
    """One request, and a future for each caller that waits for its answer."""

    since: float = field(default_factory=loop_time)
    callers: list[asyncio.Future[Reservation | None]] = field(default_factory=list)


_Caller = tuple[str, _Request, asyncio.Future[Reservation | None]]
"""Which request is waited for, and by whom."""


class DurableAnswers:
    """Callers wait by request_id. The committer of this process settles them at once; others' are polled for.

    Holds at most `max_waiting` requests, each as long as a caller waits for it.
    """

    def __init__(self, ledger: SaleLedger, *, max_waiting: int) -> None:
        self._ledger = ledger
        self._max_waiting = max_waiting
        self._waiting: dict[str, _Request] = {}
        self._wakeup = Wakeup()
        self._committed = float("-inf")

    async def wait(self, request_id: str, seconds: float) -> Reservation | None:
        """The first answer to this request, or None when it is not durable in time. Raises Overloaded."""
        (answer,) = await self.wait_for_all([request_id], seconds)
        return answer

    async def wait_for_all(self, request_ids: Sequence[str], seconds: float) -> list[Reservation | None]:
        """As `wait` for each of these requests, in their order. Raises Overloaded when not all of them may wait."""
        loop = asyncio.get_running_loop()
        callers: list[_Caller] = []
        timer = loop.call_later(seconds, _give_up, callers)
        try:
            for request_id in request_ids:
                request = self._waiting.get(request_id) or self._new(request_id)
                callers.append((request_id, request, loop.create_future()))
                request.callers.append(callers[-1][2])
            answers = [await caller for _, _, caller in callers]
        finally:
            timer.cancel()
            for each in callers:
                self._leave(*each)
        return [as_made(answer) if answer else None for answer in answers]

    async def find(self, request_id: str) -> Reservation | None:
        """The first answer to this request, if it is durable already."""
        found = await self._ledger.find_answers([request_id])
        return as_made(found[request_id]) if found else None

    async def require_not_parked(self, hold_id: UUID) -> None:
        """Raises HoldParked when there will never be an answer, since the hold's entry could not be committed."""
        if await self._ledger.is_parked(hold_id):
            raise HoldParked(metadata={"reservation_id": str(hold_id)})

    def settle(self, answers: Mapping[str, Reservation]) -> None:
        """Tells everybody who waits for one of these requests what this process has committed."""
        self._committed = loop_time()
        self._tell(answers)

    async def poll(self) -> None:
        """One round for those whose answer another replica may have written, or that were decided long ago.

        While a committer of this process is at work, most of those who wait are its own, and it will tell them.
        """
        if not self._waiting:
            await self._wakeup.wait(1.0)
        await asyncio.sleep(POLL_INTERVAL_S)
        now = loop_time()
        patience_s = COMMITTER_PATIENCE_S if now - self._committed < COMMITTER_PATIENCE_S else POLL_INTERVAL_S
        due = [
            request_id for request_id, request in self._waiting.items() if request.since <= now - patience_s
        ]
        for start in range(0, len(due), POLL_BATCH):
            self._tell(await self._ledger.find_answers(due[start : start + POLL_BATCH]))

    def _tell(self, answers: Mapping[str, Reservation]) -> None:
        for request_id, reservation in answers.items():
            if request := self._waiting.pop(request_id, None):
                for caller in request.callers:
                    if not caller.done():
                        caller.set_result(reservation)

    def _leave(self, request_id: str, request: _Request, caller: asyncio.Future[Reservation | None]) -> None:
        """The caller waits no more; a request without callers is forgotten."""
        request.callers.remove(caller)
        if not request.callers and self._waiting.get(request_id) is request:
            del self._waiting[request_id]

    def _new(self, request_id: str) -> _Request:
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(retry_after_s=0.5)
        request = _Request()
        self._waiting[request_id] = request
        self._wakeup.ring()
        return request


def _give_up(callers: Sequence[_Caller]) -> None:
    for _, _, future in callers:
        if not future.done():
            future.set_result(None)
