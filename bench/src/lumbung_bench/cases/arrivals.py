"""Waiting times when buyers come at a fixed mean rate, whether or not earlier ones were answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import echo_server, on_sale
from lumbung_bench.contenders import Contender
from lumbung_bench.contestants.stock_service import stock_service
from lumbung_bench.measure import Timing, measure
from lumbung_bench.results import CaseResult, Sample
from lumbung_bench.rounds import Case, taken_now
from lumbung_bench.stage import Stage

SHARES = (0.5, 0.8)
"""Of what the service does with 64 in flight in the same round."""


@dataclass(frozen=True, slots=True)
class FixedRates:
    """The echo and the service, at the same rates."""

    name: str = "arrivals"
    title: str = "Durable Reserve, 3 lines, buyers coming at a fixed mean rate: shares of what the service does at most"

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """What the service can do is measured first in each round, since the machine's pace drifts."""
        taken = taken_now(timing)
        load = on_sale(reservations.carts(3, 3))
        samples: dict[str, list[Sample]] = {}
        async with echo_server(stage, 3) as echo, stock_service(stage, "stock") as ours:
            most = Contender(f"{names.DURABLE}, 64 in flight", ours.server, load)
            for number in range(timing.rounds):
                most_rate = await measure(stage, most, timing, seed=number)
                samples.setdefault(most.name, []).append(most_rate)
                for share in SHARES:
                    steady = replace(load, rate_per_s=max(1.0, share * most_rate.rate_per_s))
                    for name, server in ((names.ECHO, echo), (names.DURABLE, ours.server)):
                        contender = Contender(f"{name}, {share:.0%} of that", server, steady)
                        sample = await measure(stage, contender, timing, seed=number)
                        samples.setdefault(contender.name, []).append(sample)
                        tell(
                            f"{self.name} {number + 1}/{timing.rounds}  {contender.name:<34} p50 {sample.p50_ms:6.1f}"
                            f"  p99 {sample.p99_ms:6.1f} ms at {steady.rate_per_s:,.0f}/s"
                        )
            promised = await ours.server.promised()
        kept = {ours.server.name: promised} if promised else {}
        return CaseResult(title=self.title, taken=taken, samples=samples, promised=kept)


CASES: list[Case] = [FixedRates()]
