"""Thousands who watch availability: how soon the last one hears of a change, and what it costs the buyers."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung.stock.v1 import availability_pb2_grpc
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import on_sale
from lumbung_bench.contenders import Contender
from lumbung_bench.contestants.stock_service import SALE, StockService, stock_service
from lumbung_bench.load.watch import WatchSpec
from lumbung_bench.measure import Timing, measure
from lumbung_bench.results import CaseResult, Sample
from lumbung_bench.rounds import Case, NotYetError, taken_now
from lumbung_bench.stage import Stage, python
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import open_channel

WATCHERS = 5_000
CONNECTIONS = 20
CHANGES = 5
HEAR_S_MAX = 60.0
WATCHED = "ours, durable, 5,000 watch"
_SETTINGS = {"MAX_CONCURRENT_RPCS": "12000"}


class _Watchers:
    """The process that watches."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def say(self, word: str) -> None:
        """Writes a line to it."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._process.stdin.write(word.encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self, word: str) -> str:
        """The line that begins with this word. Raises Trouble when another comes, or none."""
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        async with asyncio.timeout(HEAR_S_MAX):
            line = (await self._process.stdout.readline()).decode()
        if not line.startswith(word):
            raise Trouble(f"the watchers said {line!r} instead of {word!r}")
        return line.removeprefix(word).strip()


@dataclass(frozen=True, slots=True)
class Watching:
    """Reserve alone, then with watchers of the very SKUs that are reserved, in turn."""

    name: str = "watchers"
    title: str = (
        f"{WATCHERS:,} WatchAvailability streams on the SKUs of a flash sale, and Reserve beside them"
    )

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """Raises NotYetError when the service has no WatchAvailability."""
        taken = taken_now(timing)
        samples: dict[str, list[Sample]] = {names.DURABLE: [], WATCHED: []}
        delays: list[float] = []
        async with stock_service(stage, "stock", settings=_SETTINGS) as ours:
            await _require_served(ours)
            contender = Contender(names.DURABLE, ours.server, on_sale(reservations.carts(3, 3)))
            for number in range(timing.rounds):
                samples[names.DURABLE].append(await measure(stage, contender, timing, seed=number))
                async with _watchers(ours) as watchers:
                    for change in range(CHANGES):
                        delays.append(await _last_hears(ours, watchers, f"change-{number}-{change}"))
                    samples[WATCHED].append(await measure(stage, contender, timing, seed=number))
                tell(
                    f"{self.name} {number + 1}/{timing.rounds}  the last hears after {delays[-1]:.3f} s;"
                    f" {samples[names.DURABLE][-1].rate_per_s:,.0f}/s alone,"
                    f" {samples[WATCHED][-1].rate_per_s:,.0f}/s watched"
                )
            promised = await ours.server.promised()
        kept = {ours.server.name: promised} if promised else {}
        pairs = zip(samples[names.DURABLE], samples[WATCHED], strict=True)
        slowed = [100 * (1 - watched.rate_per_s / alone.rate_per_s) for alone, watched in pairs]
        figures = {"last watcher after s": delays, "slowed by %": slowed}
        return CaseResult(title=self.title, taken=taken, samples=samples, figures=figures, promised=kept)


def _request() -> pb.WatchAvailabilityRequest:
    (cart,) = reservations.carts(3, 3)
    return pb.WatchAvailabilityRequest(sku_codes=cart, channel_code=reservations.CHANNEL)


async def _require_served(ours: StockService) -> None:
    async with open_channel(ours.target, actor="storefront:bench") as channel:
        call = availability_pb2_grpc.AvailabilityServiceStub(channel).WatchAvailability(
            _request(), timeout=10
        )
        try:
            async for _ in call:
                return
        except grpc.aio.AioRpcError as error:
            raise NotYetError(f"the service does not serve WatchAvailability: {error.details()}") from error


@asynccontextmanager
async def _watchers(ours: StockService) -> AsyncIterator[_Watchers]:
    """All streams are open and have their snapshot."""
    message = base64.b64encode(_request().SerializeToString()).decode()
    process = await asyncio.create_subprocess_exec(
        *python("lumbung_bench.load.watch"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    watchers = _Watchers(process)
    try:
        await watchers.say(WatchSpec(ours.target, WATCHERS, CONNECTIONS, message).to_json())
        await watchers.hear("ready")
        yield watchers
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _last_hears(ours: StockService, watchers: _Watchers, request_id: str) -> float:
    """Seconds from the moment at which a Reserve is sent, its own time included, until every watcher has heard."""
    await watchers.say("mark")
    await watchers.hear("marked")
    (cart,) = reservations.carts(3, 3)
    async with open_channel(ours.target, actor="storefront:bench") as channel:
        sent_at = time.monotonic()
        asked = reservations.request(cart, request_id, sale=SALE)
        await rpc.ReservationServiceStub(channel).Reserve(asked, timeout=10)
        return float(await watchers.hear("heard")) - sent_at


CASES: list[Case] = [Watching()]
