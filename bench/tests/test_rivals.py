"""The rivals are competent: idempotent, and never above what there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.resources import files
from uuid import uuid4

import grpc
import psycopg
import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench import contestants, reservations
from lumbung_bench.contestants import rival
from lumbung_kit.provision import ensure_database
from lumbung_kit.testing import Server

pytestmark = [pytest.mark.store, pytest.mark.parametrize("design", ["for-update", "skip-locked"])]
CART = ["PB-00000", "PB-00001"]
Ask = Callable[[pb.ReserveRequest], Awaitable[pb.ReserveResponse]]


@pytest.fixture
async def url(postgres_server: Server) -> AsyncIterator[str]:
    name = f"rival_{uuid4().hex[:12]}"
    url = await ensure_database(postgres_server.url, name)
    schema = files(contestants).joinpath("rivals.sql").read_text()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute(schema)
        for sku in CART:
            await conn.execute("INSERT INTO stock VALUES (%s, 10)", [sku])
            await conn.execute("INSERT INTO unit (sku_code) SELECT %s FROM generate_series(1, 10)", [sku])
    yield url
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as conn:
        await conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def ask(url: str, design: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ask]:
    monkeypatch.setenv(rival.URL_VARIABLE, url)
    async with AsyncExitStack() as stack:
        servicer = await stack.enter_async_context(rival.opened(rival.TAKE_BY_NAME[design]))
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        rpc.add_ReservationServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        yield rpc.ReservationServiceStub(channel).Reserve


async def outcome(ask: Ask, number: str) -> str:
    try:
        return (await ask(reservations.request(CART, number))).reservation.reservation_id
    except grpc.aio.AioRpcError as error:
        return error.code().name


async def test_never_more_than_there_is(ask: Ask) -> None:
    outcomes = await asyncio.gather(*(outcome(ask, f"{number:010d}") for number in range(40)))
    held = [each for each in outcomes if each != "FAILED_PRECONDITION"]
    assert len(held) == len(set(held)) == 10


async def test_the_same_request_gets_the_same_hold(ask: Ask) -> None:
    outcomes = await asyncio.gather(*(outcome(ask, "0000000001") for _ in range(8)))
    assert len(set(outcomes)) == 1
    other = reservations.request(CART[:1], "0000000001")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await ask(other)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert await outcome(ask, "0000000001") == outcomes[0]
