"""What a setting costs, with ours alone: persistence in Valkey, traces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import on_sale
from lumbung_bench.contenders import Contender
from lumbung_bench.contestants.stock_service import stock_service
from lumbung_bench.rounds import Comparison
from lumbung_bench.stage import Stage
from lumbung_kit.valkey import Valkey, connect

_PERSISTENCE = {
    names.NOT_PERSISTED: {"appendonly": "no", "appendfsync": "everysec"},
    names.EVERYSEC: {"appendonly": "yes", "appendfsync": "everysec"},
    names.ALWAYS: {"appendonly": "yes", "appendfsync": "always"},
}
TRACES = {names.TRACES_NONE: 0.0, names.TRACES_1: 0.01, names.TRACES_100: 1.0}
_POLL_S = 0.02


@asynccontextmanager
async def _persistence(stage: Stage) -> AsyncIterator[list[Contender]]:
    """One service; Valkey is told otherwise before each measurement, and told the safe way again at the end."""
    load = on_sale(reservations.carts(3, 3))
    valkey = connect(stage.servers.valkey_url)
    try:
        async with stock_service(stage, "stock") as ours:
            yield [
                Contender(name, ours.server, load, partial(_tell, valkey, settings))
                for name, settings in _PERSISTENCE.items()
            ]
    finally:
        await _tell(valkey, _PERSISTENCE[names.ALWAYS])
        await valkey.aclose()


async def _tell(valkey: Valkey, settings: dict[str, str]) -> None:
    """Returns when Valkey does as told; switching its file on makes it write a new one first."""
    for name, value in settings.items():
        await valkey.config_set(name, value)
    while True:
        persistence = await valkey.info("persistence")
        if not (persistence["aof_rewrite_in_progress"] or persistence["aof_rewrite_scheduled"]):
            return
        await asyncio.sleep(_POLL_S)


@asynccontextmanager
async def _traces(stage: Stage) -> AsyncIterator[list[Contender]]:
    load = on_sale(reservations.carts(3, 3))
    async with AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(stock_service(stage, f"stock, {name}", trace_ratio=ratio))
            for name, ratio in TRACES.items()
        ]
        yield [Contender(name, service.server, load) for name, service in zip(TRACES, services, strict=True)]


CASES = [
    Comparison(
        "persistence", "Durable Reserve, 3 lines, by what Valkey does before it answers", _persistence
    ),
    Comparison("traces", "Durable Reserve, 3 lines, by the share of calls that are traced", _traces),
]
