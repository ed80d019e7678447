"""Watching availability over real gRPC: snapshots, changes, resuming, and that nothing is ever missed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung.stock.v1 import availability_pb2_grpc
from lumbung_kit.clients import failure_from
from lumbung_kit.events import EventLog
from lumbung_kit.failures import Kind, Overloaded
from lumbung_stock.usecases import watch_availability
from lumbung_stock.usecases.watch_availability import WatchAvailability

pytestmark = pytest.mark.store

PATIENCE_S = 20.0


class Watch:
    """A client that watches: the newest figures by SKU, and every position that it was told."""

    def __init__(self, shop: Any, skus: Sequence[str], channel: str, after: int) -> None:
        stub: Any = availability_pb2_grpc.AvailabilityServiceStub(shop.channel)
        request = pb.WatchAvailabilityRequest(sku_codes=skus, channel_code=channel, after_position=after)
        self.call = stub.WatchAvailability(request)
        self.figures: dict[str, pb.Availability] = {}
        self.positions: list[int] = []

    async def next(self) -> pb.WatchAvailabilityResponse:
        """The next message."""
        async with asyncio.timeout(PATIENCE_S):
            message: pb.WatchAvailabilityResponse = await self.call.read()
        assert isinstance(message, pb.WatchAvailabilityResponse), await self.call.details()
        assert not self.positions or message.position >= self.positions[-1]
        self.positions.append(message.position)
        self.figures |= {each.sku_code: each for each in message.availabilities}
        return message

    async def until(self, sku: str, available: int) -> None:
        """Reads on until so many of a SKU can be promised."""
        while sku not in self.figures or self.figures[sku].available_to_promise != available:
            await self.next()

    async def until_offered(self, sku: str, available: int, sale: str) -> None:
        """Reads on until a sale offers so many."""
        while (self.figures[sku].flash_sale_available, self.figures[sku].flash_sale_code) != (
            available,
            sale,
        ):
            await self.next()


@asynccontextmanager
async def watching(shop: Any, *skus: str, channel: str = "", after: int = 0) -> AsyncIterator[Watch]:
    """A stream, cut at the end."""
    watch = Watch(shop, skus, channel, after)
    try:
        yield watch
    finally:
        watch.call.cancel()


async def refusal_of(shop: Any, request: pb.WatchAvailabilityRequest) -> Any:
    """Why a stream is not served."""
    stub: Any = availability_pb2_grpc.AvailabilityServiceStub(shop.channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.WatchAvailability(request).read()
    return failure_from(caught.value)


async def test_a_snapshot_comes_first_and_then_what_changes(shop) -> None:
    await shop.put("CUP", 9)
    await shop.put("PLATE", 5)
    async with watching(shop, "PLATE", "CUP", "CUP") as watch:
        first = await watch.next()
        assert [(each.sku_code, each.available_to_promise) for each in first.availabilities] == [
            ("CUP", 9),
            ("PLATE", 5),
        ]
        held = await shop.hold({"CUP": 2})
        second = await watch.next()
        assert [(each.sku_code, each.available_to_promise, each.held) for each in second.availabilities] == [
            ("CUP", 7, 2)
        ]
        assert second.position > first.position
        await shop.release(held)
        await watch.until("CUP", 9)


async def test_a_bundle_changes_when_a_component_does(shop) -> None:
    await shop.put("CUP", 9)
    await shop.put("SET", 0, bundle={"CUP": 2})
    async with watching(shop, "SET") as watch:
        await watch.until("SET", 4)
        await shop.hold({"CUP": 4})
        await watch.until("SET", 2)


async def test_a_flash_sale_is_watched_by_each_channel_as_it_is_for_it(shop) -> None:
    await shop.put("CUP", 9)
    async with watching(shop, "CUP", channel="web") as web, watching(shop, "CUP", channel="other") as other:
        await web.until("CUP", 9)
        await other.until("CUP", 9)
        await shop.open_sale("SALE", {"CUP": 5})
        await web.until_offered("CUP", 5, "SALE")
        await shop.hold({"CUP": 2}, sale="SALE")
        await web.until_offered("CUP", 3, "SALE")
        await other.until("CUP", 4)
        assert other.figures["CUP"].flash_sale_code == ""
        await shop.close_sale("SALE")
        await web.until_offered("CUP", 0, "")
        await web.until("CUP", 7)


async def test_who_resumes_is_told_what_was_missed_and_nothing_else(shop) -> None:
    for sku in ("CUP", "PLATE"):
        await shop.put(sku, 9)
        await tell(shop, sku)
    await head_of(shop)
    async with watching(shop, "CUP", "PLATE") as watch:
        position = (await watch.next()).position
    await shop.hold({"CUP": 4})
    async with watching(shop, "CUP", "PLATE", after=position) as watch:
        await watch.until("CUP", 5)
        while watch.positions[-1] < await head_of(shop):
            await watch.next()
        assert list(watch.figures) == ["CUP"]
        position = watch.positions[-1]
    async with watching(shop, "CUP", "PLATE", after=position) as watch:
        nothing = await watch.next()
        assert (list(nothing.availabilities), nothing.position >= position) == ([], True)
        await shop.hold({"PLATE": 1})
        await watch.until("PLATE", 8)


async def test_another_replica_goes_on_where_the_first_one_was(shop) -> None:
    await shop.put("CUP", 9)
    await shop.put("PLATE", 9)
    async with watching(shop, "CUP", "PLATE") as watch:
        await watch.next()
        await shop.hold({"CUP": 1})
        await watch.until("CUP", 8)
        while watch.positions[-1] < await head_of(shop):
            await watch.next()
        position = watch.positions[-1]
    async with shop.replica() as replica, watching(replica, "CUP", "PLATE", after=position) as watch:
        assert list((await watch.next()).availabilities) == []
        await shop.hold({"CUP": 1})
        await watch.until("CUP", 7)


async def test_who_is_too_far_behind_gets_a_snapshot(shop, monkeypatch) -> None:
    monkeypatch.setattr(watch_availability, "SPAN_MAX", 3)
    await shop.put("CUP", 9)
    await shop.put("PLATE", 9)
    async with watching(shop, "CUP", "PLATE") as watch:
        await shop.hold({"CUP": 1})
        await watch.until("CUP", 8)
        position = watch.positions[-1]
    for _ in range(4):
        await shop.hold({"CUP": 1})
    async with shop.replica() as replica, watching(replica, "CUP", "PLATE", after=position) as watch:
        await watch.next()
        assert sorted(watch.figures) == ["CUP", "PLATE"]
        await watch.until("CUP", 4)


async def test_a_position_of_another_log_is_refused(shop) -> None:
    await shop.put("CUP", 9)
    request = pb.WatchAvailabilityRequest(sku_codes=["CUP"], after_position=1_000_000)
    failure = await refusal_of(shop, request)
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "POSITION_AHEAD")
    assert int(failure.metadata["head_position"]) < 1_000_000


async def test_who_does_not_read_gets_the_newest_figure_and_no_queue(shop) -> None:
    await shop.put("CUP", 50)
    hub = WatchAvailability(shop.postgres, EventLog(shop.postgres), watchers_max=2, messages_per_s_max=1_000)
    async with asyncio.TaskGroup() as loops, AsyncExitStack() as stack:
        tasks = [loops.create_task(each()) for each in (hub.follow, hub.tell, hub.keep_alive)]
        slow, quick = [await stack.enter_async_context(aclosing(hub.watch(["CUP"], "", 0))) for _ in range(2)]
        for messages in (slow, quick):
            assert (await anext(messages)).availabilities[0].available_to_promise == 50
        for _ in range(10):
            await shop.hold({"CUP": 1})
        while (await anext(quick)).availabilities[0].available_to_promise != 40:
            pass
        assert (await anext(slow)).availabilities[0].available_to_promise == 40
        await shop.hold({"CUP": 1})
        assert (await anext(slow)).availabilities[0].available_to_promise == 39
        for task in tasks:
            task.cancel()


async def test_nothing_to_tell_is_told_too_so_that_a_dead_connection_is_found(shop, monkeypatch) -> None:
    monkeypatch.setattr(watch_availability, "HEARTBEAT_S", 0.02)
    await shop.put("CUP", 9)
    async with watching(shop, "CUP") as watch:
        await watch.until("CUP", 9)
        heartbeat = await watch.next()
        assert (list(heartbeat.availabilities), heartbeat.position) == ([], watch.positions[0])


async def test_connections_to_postgres_may_break_and_nothing_is_missed(shop) -> None:
    await shop.put("CUP", 50)
    async with watching(shop, "CUP") as watch:
        await watch.until("CUP", 50)
        for left in range(49, 44, -1):
            await shop.admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'stock%'"
            )
            await shop.sql.execute("UPDATE level SET held = held + 1")
            await tell(shop, "CUP")
            await watch.until("CUP", left)


async def tell(shop: Any, sku: str) -> None:
    """Says that a SKU changed, as a replica would."""
    from lumbung_kit import events
    from lumbung_stock.wire.events import availability_changed

    async with shop.postgres.transaction() as conn:
        await events.append(conn, [availability_changed([sku])])


async def test_a_server_that_stops_says_so(shop) -> None:
    await shop.put("CUP", 9)
    async with AsyncExitStack() as stack:
        replica = await stack.enter_async_context(shop.replica())
        watch = await stack.enter_async_context(watching(replica, "CUP"))
        await watch.until("CUP", 9)
        await replica.server.stop(1.0)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch.call.read()
        assert failure_from(caught.value).reason == "SHUTTING_DOWN"


async def test_watchers_are_bounded_and_a_place_is_free_again(open_shop, monkeypatch) -> None:
    monkeypatch.setenv("LUMBUNG_STOCK_WATCHERS_MAX", "2")
    shop = await open_shop()
    await shop.put("CUP", 9)
    request = pb.WatchAvailabilityRequest(sku_codes=["CUP"])
    async with watching(shop, "CUP") as one, watching(shop, "CUP") as two:
        await one.until("CUP", 9)
        await two.until("CUP", 9)
        failure = await refusal_of(shop, request)
        assert (failure.kind, failure.reason) == (Kind.RESOURCE_EXHAUSTED, Overloaded.reason)
        assert failure.retry_after_s

    async def free() -> bool:
        async with watching(shop, "CUP") as again:
            try:
                return isinstance(await again.call.read(), pb.WatchAvailabilityResponse)
            except grpc.aio.AioRpcError:
                return False

    await shop.until(free)


@pytest.mark.parametrize(
    ("request_message", "fields"),
    [
        (pb.WatchAvailabilityRequest(), ["sku_codes"]),
        (pb.WatchAvailabilityRequest(sku_codes=["A"] * 501), ["sku_codes"]),
        (pb.WatchAvailabilityRequest(sku_codes=["A", "a b"]), ["sku_codes[1]"]),
        (
            pb.WatchAvailabilityRequest(sku_codes=["A"], channel_code="!", after_position=-1),
            ["channel_code", "after_position"],
        ),
    ],
)
async def test_bad_input_names_each_field(shop, request_message: Any, fields: list[str]) -> None:
    failure = await refusal_of(shop, request_message)
    assert (failure.reason, [each.field for each in failure.fields]) == ("BAD_INPUT", fields)


async def test_an_unknown_sku_is_named(shop) -> None:
    await shop.put("CUP", 9)
    failure = await refusal_of(shop, pb.WatchAvailabilityRequest(sku_codes=["CUP", "NO-SUCH"]))
    assert (failure.reason, failure.metadata["sku_code"]) == ("SKU_NOT_FOUND", "NO-SUCH")
    async with watching(shop, "CUP") as watch:
        await watch.until("CUP", 9)


@pytest.mark.parametrize("round_", range(3))
async def test_whatever_changes_and_breaks_nothing_is_missed(
    shop, monkeypatch, seed: int, round_: int
) -> None:
    """Clients that are cut at random and resume, at random on one of two replicas, while holds come and go."""
    monkeypatch.setattr(watch_availability, "HEARTBEAT_S", 0.1)
    dice = random.Random(seed + round_)
    skus = [f"SKU-{number}" for number in range(6)]
    for sku in skus:
        await shop.put(sku, 500)
    await shop.put("SET", 0, bundle={"SKU-0": 1, "SKU-1": 2})
    await shop.open_sale("SALE", {"SKU-2": 100, "SKU-3": 100})
    async with shop.replica() as replica, asyncio.TaskGroup() as tasks:
        finished = asyncio.Event()
        clients = [
            tasks.create_task(watch_with_breaks([shop, replica], [*skus, "SET"], dice.random(), finished))
            for _ in range(8)
        ]
        await change_at_random(shop, skus, dice)
        finished.set()
        views = await asyncio.gather(*clients)
    stub: Any = availability_pb2_grpc.AvailabilityServiceStub(shop.channel)
    request = pb.BatchGetAvailabilityRequest(sku_codes=[*skus, "SET"], channel_code="web")
    truth = (await stub.BatchGetAvailability(request)).availabilities
    for view in views:
        assert {sku: numbers(each) for sku, each in view.items()} == {
            each.sku_code: numbers(each) for each in truth
        }


def numbers(figures: pb.Availability) -> tuple[int, int, int]:
    """What changes are told of; that a hold is confirmed is none of them."""
    return (
        figures.available_to_promise,
        figures.flash_sale_available,
        figures.held + figures.sold,
    )


async def change_at_random(shop: Any, skus: Sequence[str], dice: random.Random) -> None:
    held: list[Any] = []
    for _ in range(60):
        if held and dice.random() < 0.4:
            await dice.choice([shop.release, shop.confirm])(held.pop(dice.randrange(len(held))))
        else:
            sku = dice.choice(skus)
            sale = "SALE" if sku in ("SKU-2", "SKU-3") else ""
            held.append(await shop.hold({sku: dice.randint(1, 3)}, sale=sale))


async def watch_with_breaks(
    shops: Sequence[Any], skus: Sequence[str], start: float, finished: asyncio.Event
) -> dict[str, pb.Availability]:
    """What a client knows that keeps its position over every break, once it has read past the last change."""
    dice = random.Random(start)
    view: dict[str, pb.Availability] = {}
    position = 0
    while True:
        last_round = finished.is_set()
        async with watching(dice.choice(shops), *skus, channel="web", after=position) as watch:
            end = await head_of(shops[0]) if last_round else 0
            messages = dice.randint(1, 4)
            while messages > 0 or (last_round and position < end):
                position = (await watch.next()).position
                messages -= 1
                if not last_round and finished.is_set():
                    break
            view |= watch.figures
        if last_round:
            return view


async def head_of(shop: Any) -> int:
    """The log's end once everything is in it."""

    async def published() -> bool:
        return not await shop.scalar("SELECT count(*) FROM event_outbox")

    await shop.until(published)
    return int(await shop.scalar("SELECT position FROM event_head"))
