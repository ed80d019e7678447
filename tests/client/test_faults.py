"""Storefronts while servers die, connections break and answers stay away: every request takes effect once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_client import DeadlineExceeded, LumbungClient, new_request_id, reserve_request, service_config

if TYPE_CHECKING:
    from tests.client.conftest import Proxy, Stock

pytestmark = pytest.mark.store

Reserve = Callable[[], Awaitable[pb.Reservation]]


class Shoppers:
    """Buyers who reserve one after the other until they are told to stop; a failure of any fails the test."""

    def __init__(self, reserve: Reserve) -> None:
        self.held: list[pb.Reservation] = []
        self._reserve = reserve
        self._go_on = True
        self._progress = asyncio.Event()

    async def until(self, count: int) -> None:
        """Returns when so many have been answered."""
        while len(self.held) < count:
            self._progress.clear()
            await self._progress.wait()

    async def more(self, count: int) -> None:
        """Returns when so many more have been answered."""
        await self.until(len(self.held) + count)

    @asynccontextmanager
    async def shopping(self, shoppers: int) -> AsyncIterator[None]:
        """They shop meanwhile, and finish what they have begun."""
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for _ in range(shoppers):
                group.create_task(self._shop())
            yield
            self._go_on = False

    async def _shop(self) -> None:
        while self._go_on:
            self.held.append(await self._reserve())
            self._progress.set()


async def require_once(stock: Stock, held: list[pb.Reservation]) -> None:
    """Each answer is a hold of its own, and the database has these and no others."""
    assert len({reservation.reservation_id for reservation in held}) == len(held)
    assert await stock.scalar("SELECT count(*) FROM reservation") == len(held)
    assert await stock.scalar("SELECT sum(held) FROM level WHERE sku_code = 'A'") + await stock.scalar(
        "SELECT coalesce(sum(quota - remaining), 0) FROM flash_sale_item"
    ) == len(held)


def by_call(lumbung: LumbungClient, sale: str) -> Reserve:
    return lambda: lumbung.reserve({"A": 1}, channel_code="web", flash_sale_code=sale)


async def test_a_server_killed_in_the_middle_of_a_session(stock: Stock, port: int) -> None:
    server = await stock.process(port)
    await stock.put("A", 100_000)
    await stock.sale("SALE", {"A": 50_000})
    async with stock.client() as lumbung, lumbung.reserve_stream() as session:
        ordinary = Shoppers(lambda: session.reserve({"A": 1}, channel_code="web"))
        on_sale = Shoppers(lambda: session.reserve({"A": 1}, channel_code="web", flash_sale_code="SALE"))
        async with ordinary.shopping(20), on_sale.shopping(20):
            await asyncio.gather(ordinary.more(100), on_sale.more(100))
            await server.kill()
            await stock.process(port)
            await asyncio.gather(ordinary.more(100), on_sale.more(100))
    await require_once(stock, ordinary.held + on_sale.held)


@pytest.mark.parametrize("sale", ["", "SALE"], ids=["ordinary", "flash sale"])
async def test_connections_cut_again_and_again(stock: Stock, sale: str) -> None:
    await stock.serve()
    await stock.put("A", 100_000)
    await stock.sale("SALE", {"A": 50_000})
    proxy = await stock.proxy()
    async with stock.client(proxy.address) as lumbung, lumbung.reserve_stream() as session:
        streaming = Shoppers(lambda: session.reserve({"A": 1}, channel_code="web", flash_sale_code=sale))
        calling = Shoppers(by_call(lumbung, sale))
        async with streaming.shopping(20), calling.shopping(10):
            for _ in range(5):
                await asyncio.gather(streaming.more(30), calling.more(10))
                proxy.cut()
            await asyncio.gather(streaming.more(30), calling.more(10))
    await require_once(stock, streaming.held + calling.held)


async def test_a_server_that_stops_under_load_and_comes_back_fails_nobody(stock: Stock, port: int) -> None:
    server = await stock.process(port)
    await stock.put("A", 100_000)
    await stock.sale("SALE", {"A": 50_000})
    async with stock.client() as lumbung, lumbung.reserve_stream() as session:
        streaming = Shoppers(lambda: session.reserve({"A": 1}, channel_code="web"))
        calling, on_sale = Shoppers(by_call(lumbung, "")), Shoppers(by_call(lumbung, "SALE"))
        everybody = (streaming, calling, on_sale)
        async with streaming.shopping(20), calling.shopping(10), on_sale.shopping(10):
            await asyncio.gather(*(shoppers.more(50) for shoppers in everybody))
            await server.stop()
            assert server.exit_code() == 0, "it drained in time"
            await stock.process(port)
            await asyncio.gather(*(shoppers.more(50) for shoppers in everybody))
    await require_once(stock, streaming.held + calling.held + on_sale.held)


@pytest.mark.skipif(
    os.environ.get("LUMBUNG_STOCK_SERVER_ENGINE") == "pygrpc-native",
    reason="it resets calls for as long as it stops, which spends a client's budget: docs/decisions/0026",
)
async def test_two_replicas_restarted_one_after_the_other_fail_nobody(stock: Stock, ports: list[int]) -> None:
    replicas = dict(zip(ports, await asyncio.gather(*map(stock.process, ports)), strict=True))
    await stock.put("A", 100_000)
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    async with stock.client(target) as lumbung, lumbung.reserve_stream() as session:
        streaming = Shoppers(lambda: session.reserve({"A": 1}, channel_code="web"))
        calling = Shoppers(by_call(lumbung, ""))
        async with streaming.shopping(20), calling.shopping(10):
            for port, replica in replicas.items():
                await asyncio.gather(streaming.more(50), calling.more(50))
                await replica.stop()
                await stock.process(port)
            await asyncio.gather(streaming.more(50), calling.more(50))
    await require_once(stock, streaming.held + calling.held)


async def test_an_answer_that_does_not_come_in_time_is_there_for_whoever_asks_again(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 5)
    request_id = new_request_id()
    async with stock.client() as lumbung, lumbung.reserve_stream() as session:
        async with stock.locked("A"):
            with pytest.raises(DeadlineExceeded):
                await lumbung.reserve({"A": 1}, channel_code="web", request_id=request_id, timeout_s=0.2)
            with pytest.raises(DeadlineExceeded):
                await session.reserve({"A": 1}, channel_code="web", request_id=request_id, timeout_s=0.2)
        first = await lumbung.reserve({"A": 1}, channel_code="web", request_id=request_id)
        assert await session.reserve({"A": 1}, channel_code="web", request_id=request_id) == first
    await require_once(stock, [first])


async def test_hedged_duplicates_are_one_hold(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 50)
    await stock.sale("SALE", {"A": 20})
    held = []
    async with stock.client() as one, stock.client() as two, two.reserve_stream() as session:
        for sale in ("", "SALE") * 5:
            request = reserve_request({"A": 1}, channel_code="web", flash_sale_code=sale)
            fields = {"channel_code": "web", "flash_sale_code": sale, "request_id": request.request_id}
            first, second, third = await asyncio.gather(
                one.reserve({"A": 1}, **fields), two.reserve({"A": 1}, **fields), session.ask(request)
            )
            assert first == second == third
            held.append(first)
    await require_once(stock, held)


class Storefront:
    """Not our client: plain gRPC with the published service config, or without."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._reserve: Any = rpc.ReservationServiceStub(channel).Reserve

    async def reserve(self, request: pb.ReserveRequest) -> pb.Reservation:
        asked = self._reserve(request, timeout=60, metadata=[("lumbung-actor", "storefront:other")])
        return (await asked).reservation

    async def reserve_and_lose_the_answer(self, stock: Stock, proxy: Proxy) -> pb.Reservation:
        """The connection is cut when the hold is made and its answer is on the way."""
        await self.reserve(reserve_request({"A": 1}, channel_code="web"))
        proxy.answers_pass.clear()
        asking = asyncio.ensure_future(self.reserve(reserve_request({"A": 1}, channel_code="web")))
        await stock.until_reserved(2)
        proxy.cut()
        proxy.answers_pass.set()
        return await asking


async def test_the_published_service_config_repeats_what_is_unavailable_and_doubles_nothing(
    stock: Stock,
) -> None:
    await stock.serve()
    await stock.put("A", 5)
    proxy = await stock.proxy()
    options = [("grpc.service_config", service_config()), ("grpc.initial_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(proxy.address, options=options) as channel:
        held = await Storefront(channel).reserve_and_lose_the_answer(stock, proxy)
    assert held.state == pb.RESERVATION_STATE_HELD
    assert await stock.scalar("SELECT count(*) FROM reservation") == 2
    assert await stock.free("A") == 3


async def test_without_it_the_caller_is_left_alone_with_the_question(stock: Stock) -> None:
    await stock.serve()
    await stock.put("A", 5)
    proxy = await stock.proxy()
    async with grpc.aio.insecure_channel(proxy.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await Storefront(channel).reserve_and_lose_the_answer(stock, proxy)
    assert lost.value.code() is grpc.StatusCode.UNAVAILABLE
