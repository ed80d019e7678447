"""ReserveStream: reservations as they come, outcomes as they are decided."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit import context, loops
from lumbung_kit.failures import BadInput, DeadlineExceeded
from lumbung_stock.entrypoints.reservation_messages import refused_outcome

IN_FLIGHT_MAX: Final = 1000
"""Taken in and not yet sent back; then nothing more is read, and the client is held up by the stream itself."""
MESSAGE_MAX: Final = 100
"""Reservations in one message, either way."""
TURN_MAX: Final = 256
"""Most reservations decided in one turn."""
TURNS_MAX: Final = 2
"""Turns of one lane at once: one may wait for its commit while the next is decided."""

Decide = Callable[[Sequence[pb.ReserveRequest]], Awaitable[Sequence[pb.ReserveOutcome]]]
"""One outcome per request, in order. Never raises what one of them did wrong."""


@dataclass(slots=True, eq=False)
class _Taken:
    """A reservation that was taken in; `deadline` is the event loop's time by which it is answered."""

    request: pb.ReserveRequest
    deadline: float


@dataclass(slots=True)
class _Lane:
    """What waits for one flash sale, or for ordinary stock: a sale that stands still holds up no other."""

    waiting: deque[_Taken] = field(default_factory=deque)
    turns: int = 0


class ReserveStream:
    """One stream, from its first request to its last outcome.

    There is no task and no message per reservation: what has come in since the last turn goes into the next together,
    and what has been decided since the last message goes back together. Each is
    answered within `deadline_s` of its arrival, since the stream itself usually has no deadline.
    """

    def __init__(self, decide: Decide, *, deadline_s: float) -> None:
        self._decide = decide
        self._deadline_s = deadline_s
        self._loop = asyncio.get_running_loop()
        self._unanswered: dict[_Taken, None] = {}  # oldest first
        self._outcomes: deque[pb.ReserveOutcome] = deque()
        self._lanes: dict[str, _Lane] = {}
        self._turns: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def run(
        self, requests: AsyncIterator[pb.ReserveStreamRequest]
    ) -> AsyncGenerator[pb.ReserveStreamResponse, None]:
        """Every outcome; ends when there are no more requests and all that came are answered.

        Raises what reading raised, after the outcomes of what was read before it.
        """
        reading = self._loop.create_task(self._read(requests))
        reading.add_done_callback(lambda _: self._news.set())
        try:
            while True:
                while self._outcomes:
                    yield pb.ReserveStreamResponse(outcomes=self._next_outcomes())
                    self._room.set()
                if reading.done() and not self._unanswered:
                    break
                self._news.clear()
                await self._news.wait()
            reading.result()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
            await loops.end({reading, *self._turns})

    async def _read(self, requests: AsyncIterator[pb.ReserveStreamRequest]) -> None:
        async for request in requests:
            for reservation in request.reservations[:MESSAGE_MAX]:
                self._take_in(reservation)
            for reservation in request.reservations[MESSAGE_MAX:]:
                self._outcomes.append(refused_outcome(reservation, _beyond(MESSAGE_MAX)))
                self._news.set()
            while len(self._unanswered) + len(self._outcomes) >= IN_FLIGHT_MAX:
                self._room.clear()
                await self._room.wait()

    def _take_in(self, request: pb.ReserveRequest) -> None:
        taken = _Taken(request, self._loop.time() + self._deadline_s)
        self._unanswered[taken] = None
        if self._alarm is None:
            self._alarm = self._loop.call_at(taken.deadline, self._answer_late)
        lane = self._lanes.setdefault(request.flash_sale_code, _Lane())
        lane.waiting.append(taken)
        if lane.turns < TURNS_MAX:
            lane.turns += 1
            turn = self._loop.create_task(self._take_turns(request.flash_sale_code, lane))
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)

    def _next_outcomes(self) -> list[pb.ReserveOutcome]:
        return [self._outcomes.popleft() for _ in range(min(len(self._outcomes), MESSAGE_MAX))]

    async def _take_turns(self, code: str, lane: _Lane) -> None:
        while batch := self._next_of(lane):
            await self._turn(batch)
        lane.turns -= 1
        if not lane.turns:
            del self._lanes[code]

    def _next_of(self, lane: _Lane) -> list[_Taken]:
        """The oldest that wait, without those that were answered because their time had run out."""
        batch: list[_Taken] = []
        while lane.waiting and len(batch) < TURN_MAX:
            taken = lane.waiting.popleft()
            if taken in self._unanswered:
                batch.append(taken)
        return batch

    async def _turn(self, batch: list[_Taken]) -> None:
        with context.within(self._deadline_s):
            try:
                async with asyncio.timeout(self._deadline_s):
                    outcomes = await self._decide([taken.request for taken in batch])
            except TimeoutError:
                self._answer_late()  # the time of each began before the turn's
                return
        for taken, outcome in zip(batch, outcomes, strict=True):
            self._answer(taken, outcome)

    def _answer(self, taken: _Taken, outcome: pb.ReserveOutcome) -> None:
        """Once: who was told that it takes too long asks again."""
        if taken in self._unanswered:
            del self._unanswered[taken]
            self._outcomes.append(outcome)
            self._news.set()

    def _answer_late(self) -> None:
        """DEADLINE_EXCEEDED to each whose time has run out, and looks again when the next one's has."""
        now = self._loop.time()
        for taken in list(takewhile(lambda each: each.deadline <= now, self._unanswered)):
            self._answer(taken, refused_outcome(taken.request, DeadlineExceeded()))
        oldest = next(iter(self._unanswered), None)
        self._alarm = self._loop.call_at(oldest.deadline, self._answer_late) if oldest else None


def _beyond(maximum: int) -> BadInput:
    return BadInput(f"reservations must have at most {maximum} entries; this one is beyond them")
