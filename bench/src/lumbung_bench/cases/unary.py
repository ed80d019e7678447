"""Reservations on a flash sale, against the echo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench import names, reservations
from lumbung_bench.contenders import Contender, Load, Server
from lumbung_bench.contestants.stock_service import SALE, SKUS, StockService, stock_service
from lumbung_bench.rounds import Comparison, NotYetError
from lumbung_bench.stage import Stage
from lumbung_kit.clients import open_channel
from lumbung_kit.settings import Engine

BATCH = 64
BATCHES_IN_FLIGHT = 8
STREAMED_IN_FLIGHT = 512


@asynccontextmanager
async def echo_server(stage: Stage, lines: int, engine: str = Engine.GRPCIO) -> AsyncIterator[Server]:
    """An echo whose answers are as long as holds of so many lines."""
    name = f"echo of {lines}, {engine}"
    words = ("{address}", str(lines), engine)
    target = await stage.serve(name, "lumbung_bench.contestants.echo", {}, *words)
    try:
        yield Server(name, target)
    finally:
        await stage.end(name)


def on_sale(carts: Sequence[Sequence[str]]) -> Load:
    """Unary calls for these carts on the flash sale."""
    return Load(reservations.unary(carts, sale=SALE), carts)


def batches_on_sale(carts: Sequence[Sequence[str]]) -> Load:
    """Batches of these carts on the flash sale."""
    return Load(
        reservations.batch(carts, BATCH, sale=SALE),
        [carts[each % len(carts)] for each in range(BATCH)],
        path=reservations.BATCH_RESERVE,
        form="batch",
        in_flight=BATCHES_IN_FLIGHT,
    )


@asynccontextmanager
async def _durable(stage: Stage, lines: int, skus: int) -> AsyncIterator[list[Contender]]:
    load = on_sale(reservations.carts(lines, skus))
    async with echo_server(stage, lines) as echo, stock_service(stage, "stock") as ours:
        yield [Contender(names.ECHO, echo, load), Contender(names.DURABLE, ours.server, load)]


@asynccontextmanager
async def _refused(stage: Stage) -> AsyncIterator[list[Contender]]:
    load = on_sale(reservations.carts(3, 3))
    async with echo_server(stage, 3) as echo, stock_service(stage, "stock", skus=3, units=10) as ours:
        yield [Contender(names.ECHO, echo, load), Contender(names.REFUSED, ours.server, load)]


@asynccontextmanager
async def _batches(stage: Stage) -> AsyncIterator[list[Contender]]:
    carts = reservations.carts(3, 3)
    unary, batches = on_sale(carts), batches_on_sale(carts)
    async with echo_server(stage, 3) as echo, stock_service(stage, "stock") as ours:
        yield [
            Contender(names.ECHO, echo, unary),
            Contender(names.BATCH_ECHO, echo, batches),
            Contender(names.DURABLE, ours.server, unary),
            Contender(names.BATCH_DURABLE, ours.server, batches),
        ]


@asynccontextmanager
async def _streams(stage: Stage) -> AsyncIterator[list[Contender]]:
    carts = reservations.carts(3, 3)
    unary = on_sale(carts)
    streams = Load(
        reservations.stream(carts, sale=SALE),
        carts,
        path=reservations.RESERVE_STREAM,
        form="stream",
        in_flight=STREAMED_IN_FLIGHT,
    )
    async with echo_server(stage, 3) as echo, stock_service(stage, "stock") as ours:
        yield [
            Contender(names.ECHO, echo, unary),
            Contender(names.STREAM_ECHO, echo, streams),
            Contender(names.DURABLE, ours.server, unary),
            Contender(names.STREAM_DURABLE, ours.server, streams),
        ]


@asynccontextmanager
async def _soft(stage: Stage) -> AsyncIterator[list[Contender]]:
    carts = reservations.carts(3, 3)
    durable = on_sale(carts)
    soft = Load(reservations.unary(carts, sale=SALE, durability=pb.DURABILITY_SOFT), carts)
    async with echo_server(stage, 3) as echo, stock_service(stage, "stock") as ours:
        await require_served(
            ours, reservations.request(carts[0], "soft", sale=SALE, durability=pb.DURABILITY_SOFT)
        )
        yield [
            Contender(names.ECHO, echo, durable),
            Contender(names.SOFT, ours.server, soft),
            Contender(names.DURABLE, ours.server, durable),
        ]


async def require_served(ours: StockService, asked: pb.ReserveRequest) -> None:
    """Raises NotYetError when the service does not take such a request."""
    async with open_channel(ours.target, actor="storefront:bench") as channel:
        try:
            await rpc.ReservationServiceStub(channel).Reserve(asked, timeout=10)
        except grpc.aio.AioRpcError as error:
            raise NotYetError(f"the service does not serve it: {error.details()}") from error


@asynccontextmanager
async def _fast_front(stage: Stage) -> AsyncIterator[list[Contender]]:
    if find_spec("pygrpc_native") is None:
        raise NotYetError("pygrpc-native is not installed")
    load = on_sale(reservations.carts(3, 3))
    native = {"SERVER_ENGINE": Engine.PYGRPC_NATIVE.value}
    async with (
        echo_server(stage, 3) as echo,
        echo_server(stage, 3, Engine.PYGRPC_NATIVE) as native_echo,
        stock_service(stage, "stock") as ours,
        stock_service(stage, "stock, pygrpc-native", settings=native) as faster,
    ):
        yield [
            Contender(names.ECHO, echo, load),
            Contender(names.NATIVE_ECHO, native_echo, load),
            Contender(names.DURABLE, ours.server, load),
            Contender(names.NATIVE_DURABLE, faster.server, load),
        ]


CASES = [
    Comparison(
        "durable-3-lines",
        "Durable Reserve on a flash sale, unary, 3 lines, the same 3 SKUs for all, 64 in flight",
        partial(_durable, lines=3, skus=3),
    ),
    Comparison(
        "durable-1-line",
        "Durable Reserve on a flash sale, unary, 1 line, the same SKU for all, 64 in flight",
        partial(_durable, lines=1, skus=1),
    ),
    Comparison(
        "durable-spread",
        f"Durable Reserve on a flash sale, unary, 3 lines over {SKUS} SKUs, 64 in flight",
        partial(_durable, lines=3, skus=SKUS),
    ),
    Comparison("refused", "Reserve on a flash sale that is sold out, unary, 3 lines, 64 in flight", _refused),
    Comparison(
        "batches",
        f"Durable BatchReserve of {BATCH} on a flash sale, 3 lines each, {BATCHES_IN_FLIGHT} calls in flight",
        _batches,
    ),
    Comparison(
        "stream",
        f"Durable ReserveStream on a flash sale, 3 lines, {STREAMED_IN_FLIGHT} in flight over 4 streams",
        _streams,
    ),
    Comparison("soft", "Soft Reserve on a flash sale, unary, 3 lines, 64 in flight", _soft),
    Comparison(
        "fast-front",
        "Durable Reserve on a flash sale, unary, 3 lines, 64 in flight, by what speaks gRPC",
        _fast_front,
    ),
]
