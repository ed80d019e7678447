"""One reservation a call, on a flash sale, against the echo."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from lumbung_bench import reservations
from lumbung_bench.contenders import Contender, Load, Server
from lumbung_bench.contestants.stock_service import SALE, SKUS, stock_service
from lumbung_bench.rounds import Comparison
from lumbung_bench.stage import Stage

ECHO = "grpc.aio echo"
DURABLE = "ours, durable"


@asynccontextmanager
async def echo_server(stage: Stage, lines: int) -> AsyncIterator[Server]:
    """An echo whose answers are as long as holds of so many lines."""
    name = f"echo of {lines}"
    target = await stage.serve(name, "lumbung_bench.contestants.echo", {}, "{address}", str(lines))
    try:
        yield Server(name, target)
    finally:
        await stage.end(name)


def on_sale(carts: Sequence[Sequence[str]]) -> Load:
    """Unary calls for these carts on the flash sale."""
    return Load(reservations.unary(carts, sale=SALE), carts)


@asynccontextmanager
async def _durable(stage: Stage, lines: int, skus: int) -> AsyncIterator[list[Contender]]:
    load = on_sale(reservations.carts(lines, skus))
    async with echo_server(stage, lines) as echo, stock_service(stage, "stock") as ours:
        yield [Contender(ECHO, echo, load), Contender(DURABLE, ours.server, load)]


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
]
