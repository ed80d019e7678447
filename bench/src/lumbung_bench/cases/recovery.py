"""How long nobody gets a hold after Valkey has lost everything."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import grpc

from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import batches_on_sale, on_sale
from lumbung_bench.contenders import Contender
from lumbung_bench.contestants.stock_service import SALE, StockService, stock_service
from lumbung_bench.measure import Timing, measure
from lumbung_bench.results import CaseResult
from lumbung_bench.rounds import Case, NotYetError, taken_now
from lumbung_bench.stage import Stage
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import open_channel

HOLDS = 100_000
HOLDS_QUICK = 5_000
QUICK_MEASURE_S = 3.0
"""A run with shorter measurements than this is a rough look, with fewer holds."""
FILL_S_MAX = 600.0
PROBE_S_MAX = 1.0
PROBE_PAUSE_S = 0.01
RECOVER_S_MAX = 120.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """Kills Valkey, removes its files, starts it again, and asks until a hold is given."""

    name: str = "recovery"
    title: str = (
        f"A sale with {HOLDS:,} holds; Valkey is killed, its files are removed, it starts again: "
        "seconds from the kill to the next hold"
    )

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """The holds that were there before must be there after, and nothing be promised twice."""
        if stage.servers.folder is None:
            raise NotYetError("Valkey is not ours to kill")
        holds = HOLDS if timing.measure_s >= QUICK_MEASURE_S else HOLDS_QUICK
        taken = taken_now(timing)
        async with stock_service(stage, "stock") as ours:
            await _fill(stage, ours, holds, tell)
            seconds = []
            for number in range(timing.rounds):
                start = time.monotonic()
                await _lose_everything(stage)
                await _until_held(ours, number)
                seconds.append(time.monotonic() - start)
                tell(f"{self.name} {number + 1}/{timing.rounds}  holds again after {seconds[-1]:.2f} s")
                await measure(stage, _unary(ours), replace(timing, measure_s=0.5), seed=number)
            promised = await ours.server.promised()
        figures = {"holds again after s": seconds, "holds": [float(holds)]}
        kept = {ours.server.name: promised} if promised else {}
        return CaseResult(title=self.title, taken=taken, figures=figures, promised=kept)


def _unary(ours: StockService) -> Contender:
    return Contender(names.DURABLE, ours.server, on_sale(reservations.carts(3, 3)))


async def _fill(stage: Stage, ours: StockService, holds: int, tell: Callable[[str], None]) -> None:
    batches = batches_on_sale(reservations.carts(1, 1))
    calls = -(-holds // len(batches.carts))
    contender = Contender(names.BATCH_DURABLE, ours.server, replace(batches, calls_max=calls))
    sample = await measure(stage, contender, Timing(0, FILL_S_MAX, 1), seed=0)
    if sample.held < holds:
        raise Trouble(f"only {sample.held} of {holds} holds were made, {sample.failed} failed")
    tell(f"{sample.held} holds made")


async def _lose_everything(stage: Stage) -> None:
    """Returns when the server, which now knows nothing, answers."""
    assert stage.servers.folder is not None  # noqa: S101 - looked at before
    await stage.servers.kill("valkey")
    await asyncio.to_thread(shutil.rmtree, stage.servers.folder / "valkey")
    await stage.servers.start("valkey")


async def _until_held(ours: StockService, number: int) -> None:
    """Asks again and again, with a new id each time, as another buyer would."""
    give_up_at = time.monotonic() + RECOVER_S_MAX
    (cart,) = reservations.carts(3, 3)
    async with open_channel(ours.target, actor="storefront:bench") as channel:
        stub = rpc.ReservationServiceStub(channel)
        for probe in count():
            asked = reservations.request(cart, f"probe-{number}-{probe}", sale=SALE)
            try:
                await stub.Reserve(asked, timeout=PROBE_S_MAX)
            except grpc.aio.AioRpcError as error:
                if time.monotonic() > give_up_at:
                    raise Trouble(f"no hold {RECOVER_S_MAX:g} s after the loss: {error.details()}") from error
                await asyncio.sleep(PROBE_PAUSE_S)
            else:
                return


CASES: list[Case] = [Recovery()]
