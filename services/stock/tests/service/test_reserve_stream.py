"""ReserveStream over a socket: every outcome its own, resumed after a break, drained when the server stops."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.clients import failure_from

if TYPE_CHECKING:
    from services.stock.tests.conftest import OpenShop, Shop

pytestmark = pytest.mark.store


class Talk:
    """One ReserveStream of a client's."""

    def __init__(self, shop: Shop) -> None:
        self.call: Any = shop.reservations.ReserveStream()
        self._unread: deque[pb.ReserveOutcome] = deque()

    async def ask(self, *requests: pb.ReserveRequest) -> None:
        """One message for each."""
        for request in requests:
            await self.call.write(pb.ReserveStreamRequest(reservations=[request]))

    async def ask_together(self, *requests: pb.ReserveRequest) -> None:
        """One message for all."""
        await self.call.write(pb.ReserveStreamRequest(reservations=requests))

    async def answers(self, count: int) -> list[pb.ReserveOutcome]:
        while len(self._unread) < count:
            self._unread.extend((await self.call.read()).outcomes)
        return [self._unread.popleft() for _ in range(count)]

    async def rest(self) -> list[pb.ReserveOutcome]:
        """What is still to come, when the client has nothing more to say."""
        await self.call.done_writing()
        return [outcome async for outcome in self.until_the_end()]

    async def until_the_end(self) -> AsyncIterator[pb.ReserveOutcome]:
        """Raises what the server ends the stream with."""
        while self._unread:
            yield self._unread.popleft()
        while (response := await self.call.read()) is not grpc.aio.EOF:
            for outcome in response.outcomes:
                yield outcome


def said(outcome: pb.ReserveOutcome) -> str:
    return "HELD" if outcome.HasField("reservation") else outcome.refusal.reason


def by_id(outcomes: Iterable[pb.ReserveOutcome]) -> dict[str, str]:
    return {outcome.request_id: said(outcome) for outcome in outcomes}


@asynccontextmanager
async def locked(shop: Shop, sku_code: str) -> AsyncIterator[None]:
    """Nothing of this SKU can be decided meanwhile."""
    async with shop.admin.transaction():
        await shop.admin.execute("SELECT FROM level WHERE sku_code = %s FOR UPDATE", (sku_code,))
        yield


async def until_decided_on(shop: Shop) -> None:
    """Returns when a transaction waits for a level that the test has locked."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

    async def waits() -> bool:
        return await shop.scalar(blocked) > 0

    await shop.until(waits)


async def test_each_has_its_own_outcome_and_none_ends_the_stream(shop: Shop) -> None:
    await shop.put("A", 4)
    await shop.put("PB-10K", 2)
    await shop.open_sale("SALE", {"PB-10K": 1})
    bad, nobody = shop.ask({"A": 0}), pb.ReserveRequest()
    held, short = shop.ask({"A": 3}), shop.ask({"A": 5})
    gone, on_sale = shop.ask({"GONE": 1}), shop.ask({"PB-10K": 1}, sale="SALE")
    no_sale = shop.ask({"PB-10K": 1}, sale="NONE")
    asks = [bad, nobody, held, short, gone, on_sale, no_sale]
    talk = Talk(shop)
    await talk.ask(*asks[:3])
    await talk.ask_together(*asks[3:])
    outcomes = await talk.answers(len(asks))
    late = shop.ask({"A": 1})
    await talk.ask(late)
    outcomes += await talk.rest()
    assert by_id(outcomes) == {
        bad.request_id: "BAD_INPUT",
        "": "BAD_INPUT",
        held.request_id: "HELD",
        short.request_id: "OUT_OF_STOCK",
        gone.request_id: "SKU_NOT_FOUND",
        on_sale.request_id: "HELD",
        no_sale.request_id: "FLASH_SALE_NOT_FOUND",
        late.request_id: "HELD",
    }
    codes = {outcome.request_id: outcome.refusal.code for outcome in outcomes}
    assert (codes[bad.request_id], codes[short.request_id], codes[gone.request_id]) == (3, 9, 5)
    assert await talk.call.code() is grpc.StatusCode.OK
    await shop.require_conserved()


async def test_a_request_that_is_in_flight_already_gets_the_same_answer(shop: Shop) -> None:
    await shop.put("A", 9)
    await shop.put("B", 9)
    await shop.open_sale("SALE", {"B": 5})
    ordinary, on_sale = shop.ask({"A": 1}), shop.ask({"B": 1}, sale="SALE")
    other = pb.ReserveRequest()
    other.CopyFrom(ordinary)
    other.lines[0].quantity = 2
    talk = Talk(shop)
    async with locked(shop, "A"):
        await talk.ask(ordinary)
        await until_decided_on(shop)
        await talk.ask(ordinary, on_sale, on_sale, ordinary, other, on_sale)
    outcomes = await talk.rest()
    assert Counter(said(outcome) for outcome in outcomes) == {"HELD": 6, "REQUEST_ID_REUSED": 1}
    for request in (ordinary, on_sale):
        same = [outcome.reservation for outcome in outcomes if outcome.request_id == request.request_id]
        held = [reservation.SerializeToString() for reservation in same if reservation.reservation_id]
        assert (len(held), len(set(held))) == (3, 1)
    assert await shop.free("A") == 8
    assert (await shop.item("SALE", "B")).remaining == 4


async def test_after_a_break_the_same_requests_get_their_first_answers(shop: Shop) -> None:
    await shop.put("A", 60)
    await shop.put("B", 60)
    await shop.open_sale("SALE", {"B": 30})
    asks = [shop.ask({"A": 1}) if n % 2 else shop.ask({"B": 1}, sale="SALE") for n in range(80)]
    broken = Talk(shop)
    await broken.ask(*asks)
    before = await broken.answers(20)
    broken.call.cancel()
    async with shop.replica() as other:
        resumed = Talk(other)
        await resumed.ask(*asks)
        after = {outcome.request_id: outcome for outcome in await resumed.rest()}
    assert len(after) == 80
    assert {outcome.request_id: outcome for outcome in before}.items() <= after.items()
    assert Counter(map(said, after.values())) == {"HELD": 70, "OUT_OF_STOCK": 10}
    assert await shop.free("A") == 20
    await shop.require_conserved()


async def test_a_server_that_stops_answers_what_it_has_taken_in(shop: Shop) -> None:
    await shop.put("A", 50)
    asks = [shop.ask({"A": 1}) for _ in range(30)]
    async with shop.replica() as stopping:
        talk = Talk(stopping)
        async with locked(shop, "A"):
            await talk.ask(*asks)
            await until_decided_on(shop)
            stopped = asyncio.create_task(stopping.server.stop(20))
            await stopping.server.draining.wait()
        answered = []
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            async for outcome in talk.until_the_end():
                answered.append(outcome)
        await stopped
    assert failure_from(ended.value).reason == "SHUTTING_DOWN"
    assert answered
    assert set(map(said, answered)) == {"HELD"}
    assert await shop.free("A") == 50 - len(answered), "nothing was decided and not told"
    again = Talk(shop)
    await again.ask(*asks)
    assert Counter(map(said, await again.rest())) == {"HELD": 30}
    assert await shop.free("A") == 20


async def test_a_message_that_is_none_ends_the_stream_after_the_answers(shop: Shop) -> None:
    await shop.put("A", 5)
    raw: Any = shop.channel.stream_stream("/lumbung.stock.v1.ReservationService/ReserveStream")
    call = raw()
    good = pb.ReserveStreamRequest(reservations=[shop.ask({"A": 1})])
    await call.write(good.SerializeToString())
    await call.write(b"\xff\xff\xff")
    (outcome,) = pb.ReserveStreamResponse.FromString(await call.read()).outcomes
    assert said(outcome) == "HELD"
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call.read()
    assert failure_from(ended.value).reason == "BAD_INPUT"


async def test_what_takes_longer_than_the_servers_deadline_is_answered_so(open_shop: OpenShop) -> None:
    shop = await open_shop()
    await shop.put("A", 5)
    hasty = shop.settings.model_copy(update={"default_deadline_s": 0.2})
    shop.settings = hasty
    ask = shop.ask({"A": 1})
    async with shop.replica() as replica:
        talk = Talk(replica)
        async with locked(shop, "A"):
            await talk.ask(ask)
            (late,) = await talk.answers(1)
        assert (said(late), late.refusal.code) == ("DEADLINE_EXCEEDED", 4)
        await talk.ask(ask)
        (first,) = await talk.rest()
    assert said(first) == "HELD"
    assert await shop.free("A") == 4
