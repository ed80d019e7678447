"""One stream of reservations: turns, lanes, bounds and deadlines, with the deciding in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.failures import BadInput
from lumbung_stock.entrypoints import reserve_stream
from lumbung_stock.entrypoints.reserve_stream import IN_FLIGHT_MAX, TURN_MAX, ReserveStream

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

    def ask(self, request_id: str, sale: str = "") -> None:
        reservation = pb.ReserveRequest(request_id=request_id, flash_sale_code=sale)
        self._queue.put_nowait(pb.ReserveStreamRequest(reservation=reservation))

    def end(self, error: Exception | None = None) -> None:
        self._queue.put_nowait(error)

    async def requests(self) -> AsyncIterator[pb.ReserveStreamRequest]:
        while (request := await self._queue.get()) is not None:
            if isinstance(request, Exception):
                raise request
            self.taken += 1
            yield request


async def settled() -> None:
    """Everything that can go on without the test has gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


def ids(responses: Sequence[pb.ReserveStreamResponse]) -> list[str]:
    return [response.outcome.request_id for response in responses]


async def test_what_has_come_in_since_the_last_turn_goes_together() -> None:
    desk, client = Desk(), Client()
    stream = ReserveStream(desk.decide, deadline_s=LONG_S).run(client.requests())
    answer = asyncio.ensure_future(anext(stream))
    for number in range(4):
        client.ask(f"early-{number}")
        await settled()
    for number in range(300):
        client.ask(f"late-{number}")
    client.end()
    await settled()
    assert [len(turn) for turn in desk.turns] == [1, 1]
    desk.open.set()
    assert len([await answer, *[each async for each in stream]]) == 304
    assert [len(turn) for turn in desk.turns] == [1, 1, TURN_MAX, 302 - TURN_MAX]


async def test_a_sale_that_stands_still_holds_up_no_other() -> None:
    desk, client = Desk(), Client()
    desk.shut_for = "STUCK"
    for number in range(10):
        client.ask(f"stuck-{number}", "STUCK")
        client.ask(f"other-{number}", "OTHER")
        client.ask(f"ordinary-{number}")
    client.end()
    stream = ReserveStream(desk.decide, deadline_s=LONG_S).run(client.requests())
    first = ids([await anext(stream) for _ in range(20)])
    assert not [request_id for request_id in first if request_id.startswith("stuck")]
    desk.open.set()
    assert len(ids([each async for each in stream])) == 10


async def test_no_more_is_read_when_a_thousand_are_in_flight() -> None:
    desk, client = Desk(), Client()
    for number in range(IN_FLIGHT_MAX + 500):
        client.ask(str(number))
    client.end()
    stream = ReserveStream(desk.decide, deadline_s=LONG_S).run(client.requests())
    first = asyncio.ensure_future(anext(stream))
    await settled()
    assert client.taken == IN_FLIGHT_MAX
    desk.open.set()
    await first
    await settled()
    assert client.taken == IN_FLIGHT_MAX, "answers that the client does not read count too"
    for _ in range(10):
        await anext(stream)
    await settled()
    assert client.taken <= IN_FLIGHT_MAX + 11
    assert len([each async for each in stream]) == IN_FLIGHT_MAX + 500 - 11


async def test_each_has_a_deadline_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, client = Desk(), Client()
    monkeypatch.setattr(reserve_stream, "TURNS_MAX", 1)
    desk.shut_for = "STUCK"
    stream = ReserveStream(desk.decide, deadline_s=0.05).run(client.requests())
    client.ask("first", "STUCK")
    client.ask("second", "STUCK")
    answers = [await anext(stream), await anext(stream)]
    assert ids(answers) == ["first", "second"]
    assert {answer.outcome.refusal.reason for answer in answers} == {"DEADLINE_EXCEEDED"}
    assert {answer.outcome.refusal.code for answer in answers} == {4}
    client.ask("third")
    assert ids([await anext(stream)]) == ["third"], "the stream goes on"
    desk.open.set()
    client.end()
    assert [each async for each in stream] == [], "who was answered late is answered once"


async def test_what_was_taken_in_is_answered_before_a_broken_message_ends_the_stream() -> None:
    desk, client = Desk(), Client()
    client.ask("good")
    client.end(BadInput("The request cannot be decoded."))
    stream = ReserveStream(desk.decide, deadline_s=LONG_S).run(client.requests())
    answer = asyncio.ensure_future(anext(stream))
    await settled()
    desk.open.set()
    assert ids([await answer]) == ["good"]
    with pytest.raises(BadInput):
        await anext(stream)


async def test_a_client_that_goes_away_leaves_nothing_running() -> None:
    desk, client = Desk(), Client()
    client.ask("one")
    before = asyncio.all_tasks()
    stream = ReserveStream(desk.decide, deadline_s=LONG_S).run(client.requests())
    answer = asyncio.ensure_future(anext(stream))
    await settled()
    assert desk.turns == [["one"]]
    answer.cancel()
    await asyncio.wait([answer])
    await stream.aclose()
    assert asyncio.all_tasks() == before
