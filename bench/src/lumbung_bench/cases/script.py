"""What Valkey itself can do: the script that stock calls, called with nothing before or behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import on_sale
from lumbung_bench.contenders import Contender, Load, Server
from lumbung_bench.contestants.captured import capture_reserve
from lumbung_bench.contestants.stock_service import stock_service
from lumbung_bench.rounds import Comparison
from lumbung_bench.stage import Stage
from lumbung_kit.valkey import connect

LINES = 3
JOURNAL_MAX = 10_000_000
"""Nobody commits what the script writes here, so its journal grows."""


async def forget_journals(url: str) -> None:
    """Empties every journal, keeping what else a sale has."""
    valkey = connect(url)
    try:
        async for key in valkey.scan_iter(_type="stream"):
            await valkey.xtrim(key, maxlen=0, approximate=False)
    finally:
        await valkey.aclose()


@asynccontextmanager
async def _scripts(stage: Stage) -> AsyncIterator[list[Contender]]:
    carts = reservations.carts(LINES, LINES)
    settings = {"JOURNAL_MAX": str(JOURNAL_MAX)}
    async with (
        stock_service(stage, "stock, to listen to", settings=settings) as service,
        stock_service(stage, "stock") as ours,
    ):
        template = await capture_reserve(service, LINES)
        await stage.end(service.server.name)
        server = Server("valkey", service.valkey_url)

        def load(connections: int) -> Load:
            return Load([template], carts, form="command", connections=connections)

        async def prepare() -> None:
            await forget_journals(service.valkey_url)

        def pid() -> int:
            return stage.servers.pid("valkey") or 0

        yield [
            Contender(names.SCRIPT_PIPELINED, server, load(4), prepare, pid),
            Contender(names.SCRIPT, server, load(64), prepare, pid),
            Contender(names.DURABLE, ours.server, on_sale(carts)),
        ]


CASES = [
    Comparison(
        "script",
        f"The Reserve script of {LINES} lines in Valkey, 64 in flight, against the whole service",
        _scripts,
    )
]
