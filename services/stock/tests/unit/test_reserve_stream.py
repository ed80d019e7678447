"""One stream of reservations: turns, lanes, bounds and deadlines, with the deciding in the test's hands."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.failures import BadInput
from lumbung_stock.entrypoints import reserve_stream
from lumbung_stock.entrypoints.reserve_stream import IN_FLIGHT_MAX, MESSAGE_MAX, TURN_MAX, ReserveStream

LONG_S = 60.0


class Desk:
    """Decides when the test says so, and remembers what went together."""

    def __init__(self) -> None:
        self.turns: list[list[str]] = []
        self.open = asyncio.Event()
        self.shut_for: str | None = None

    async def decide(self, requests: Sequence[pb.ReserveRequest]) -> list[pb.ReserveOutcome]:
        self.turns.append([request.request_id for request in requests])
        if self.shut_for is None or requests[0].flash_sale_code == self.shut_for:
            await self.open.wait()
        return [pb.ReserveOutcome(request_id=request.request_id) for request in requests]


class Client:
    """What a client sends; `taken` counts what the stream has read of it."""

    def __init__(self) -> None:
        self.taken = 0
        self._queue: asyncio.Queue[pb.ReserveStreamRequest | Exception | None] = asyncio.Queue()

    def ask(self, *request_ids: str, sale: str = "") -> None:
        reservations = [pb.ReserveRequest(request_id=each, flash_sale_code=sale) for each in request_ids]
        self._queue.put_nowait(pb.ReserveStreamRequest(reservations=reservations))

    def end(self, error: Exception | None = None) -> None:
        self._queue.put_nowait(error)

    async def requests(self) -> AsyncIterator[pb.ReserveStreamRequest]:
        while (request := await self._queue.get()) is not None:
            if isinstance(request, Exception):
                raise request
            self.taken += len(request.reservations)
            yield request


async def settled() -> None:
    """Everything that can go on without the test has gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


class Answers:
    """The outcomes of a stream, one by one; `messages` counts what they came in."""

    def __init__(self, stream: AsyncGenerator[pb.ReserveStreamResponse, None]) -> None:
        self.stream = stream
        self.messages: list[int] = []
        self._outcomes: deque[pb.ReserveOutcome] = deque()

    async def next(self, count: int = 1) -> list[pb.ReserveOutcome]:
        while len(self._outcomes) < count:
            self._take(await anext(self.stream))
        return [self._outcomes.popleft() for _ in range(count)]

    async def rest(self) -> list[pb.ReserveOutcome]:
        async for response in self.stream:
            self._take(response)
        return await self.next(len(self._outcomes))

    def _take(self, response: pb.ReserveStreamResponse) -> None:
        self.messages.append(len(response.outcomes))
        self._outcomes.extend(response.outcomes)


def answers_of(desk: Desk, client: Client, deadline_s: float = LONG_S) -> Answers:
    return Answers(ReserveStream(desk.decide, deadline_s=deadline_s).run(client.requests()))


def ids(outcomes: Sequence[pb.ReserveOutcome]) -> list[str]:
    return [outcome.request_id for outcome in outcomes]


async def test_what_has_come_in_since_the_last_turn_goes_together() -> None:
    desk, client = Desk(), Client()
    answers = answers_of(desk, client)
    first = asyncio.ensure_future(answers.next())
    for number in range(4):
        client.ask(f"early-{number}")
        await settled()
    for number in range(300):
        client.ask(f"late-{number}")
    client.end()
    await settled()
    assert [len(turn) for turn in desk.turns] == [1, 1]
    desk.open.set()
    assert len([*await first, *await answers.rest()]) == 304
    assert [len(turn) for turn in desk.turns] == [1, 1, TURN_MAX, 302 - TURN_MAX]
    assert len(answers.messages) <= 8, "what was decided together comes back together"
    assert max(answers.messages) == MESSAGE_MAX


async def test_a_sale_that_stands_still_holds_up_no_other() -> None:
    desk, client = Desk(), Client()
    desk.shut_for = "STUCK"
    for number in range(10):
        client.ask(f"stuck-{number}", sale="STUCK")
        client.ask(f"other-{number}", sale="OTHER")
        client.ask(f"ordinary-{number}")
    client.end()
    answers = answers_of(desk, client)
    first = ids(await answers.next(20))
    assert not [request_id for request_id in first if request_id.startswith("stuck")]
    desk.open.set()
    assert len(await answers.rest()) == 10


async def test_no_more_is_read_when_a_thousand_are_in_flight() -> None:
    desk, client = Desk(), Client()
    for number in range(IN_FLIGHT_MAX + 500):
        client.ask(str(number))
    client.end()
    answers = answers_of(desk, client)
    first = asyncio.ensure_future(answers.next())
    await settled()
    assert client.taken == IN_FLIGHT_MAX
    desk.open.set()
    await first
    await settled()
    assert client.taken == IN_FLIGHT_MAX, "answers that the client does not read count too"
    await answers.next(MESSAGE_MAX)
    await settled()
    assert client.taken <= IN_FLIGHT_MAX + 2 * MESSAGE_MAX
    assert len(await answers.rest()) == IN_FLIGHT_MAX + 500 - 1 - MESSAGE_MAX


async def test_a_message_with_too_many_is_no_harm_to_those_within() -> None:
    desk, client = Desk(), Client()
    desk.open.set()
    client.ask(*(f"{number}" for number in range(MESSAGE_MAX + 2)))
    client.end()
    outcomes = await answers_of(desk, client).rest()
    beyond = {outcome.request_id for outcome in outcomes if outcome.refusal.reason == "BAD_INPUT"}
    assert (len(outcomes), beyond) == (MESSAGE_MAX + 2, {str(MESSAGE_MAX), str(MESSAGE_MAX + 1)})


async def test_each_has_a_deadline_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, client = Desk(), Client()
    monkeypatch.setattr(reserve_stream, "TURNS_MAX", 1)
    desk.shut_for = "STUCK"
    answers = answers_of(desk, client, deadline_s=0.05)
    client.ask("first", sale="STUCK")
    client.ask("second", sale="STUCK")
    late = await answers.next(2)
    assert ids(late) == ["first", "second"]
    assert {(outcome.refusal.reason, outcome.refusal.code) for outcome in late} == {("DEADLINE_EXCEEDED", 4)}
    client.ask("third")
    assert ids(await answers.next()) == ["third"], "the stream goes on"
    desk.open.set()
    client.end()
    assert await answers.rest() == [], "who was answered late is answered once"


async def test_what_was_taken_in_is_answered_before_a_broken_message_ends_the_stream() -> None:
    desk, client = Desk(), Client()
    client.ask("good")
    client.end(BadInput("The request cannot be decoded."))
    answers = answers_of(desk, client)
    answer = asyncio.ensure_future(answers.next())
    await settled()
    desk.open.set()
    assert ids(await answer) == ["good"]
    with pytest.raises(BadInput):
        await answers.next()


async def test_a_client_that_goes_away_leaves_nothing_running() -> None:
    desk, client = Desk(), Client()
    client.ask("one")
    before = asyncio.all_tasks()
    answers = answers_of(desk, client)
    answer = asyncio.ensure_future(answers.next())
    await settled()
    assert desk.turns == [["one"]]
    answer.cancel()
    await asyncio.wait([answer])
    await answers.stream.aclose()
    assert asyncio.all_tasks() == before
