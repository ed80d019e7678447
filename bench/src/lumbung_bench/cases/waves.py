"""How good a plan of waves is after how long, and what it costs as lines grow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lumbung_bench.measure import Timing
from lumbung_bench.results import CaseResult
from lumbung_bench.rounds import Case, taken_now
from lumbung_bench.stage import Stage
from lumbung_dev.waves import instances, pickwave
from lumbung_dev.waves.pickwave import Instance
from lumbung_dev.waves.plan import FilePlan, plan
from lumbung_fulfillment.domain.planner.search import lengths_m
from lumbung_fulfillment.domain.planner.warm import warm_up
from lumbung_fulfillment.domain.routing import walk_m

QUICK_MEASURE_S = 3.0
REFERENCE_S, REFERENCE_S_QUICK = 60.0, 2.0
"""Effort of the plan that the others are compared with."""
EFFORTS_S = (0.1, 0.3, 1.0, 3.0, 10.0)
LINES = (250, 500, 1_000, 2_000, 5_000)
WALKS = 400


def _sets(seed: int) -> dict[str, dict[str, Any]]:
    """What is planned, new for each seed."""
    return {
        "80 orders, uniform": instances.literature(seed, 80, 60, by_class=False),
        "80 orders, by class": instances.literature(seed, 80, 60, by_class=True),
        "a web shop's 1,000 lines": instances.web_shop(seed, 1_000),
        "the same in two blocks": instances.web_shop(seed, 1_000, floor=instances.Floor(20, 4.0, 60, 2)),
    }


@dataclass(frozen=True, slots=True)
class GapAgainstTime:
    """Longer than the best of a long search, in percent, after so many seconds; and what first come would walk."""

    name: str = "waves-gap"
    title: str = "Walking over that of the best plan known, in percent, by seconds of searching"

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:  # noqa: ARG002 - no server is measured
        """Effort is counted in walks, so what others do on the machine changes no figure but the seconds."""
        return await asyncio.to_thread(self._run, timing, tell)

    def _run(self, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        whole = timing.measure_s >= QUICK_MEASURE_S
        taken = taken_now(timing)
        figures: dict[str, list[float]] = {}
        warm_up()
        for number in range(timing.rounds):
            for name, content in _sets(number).items():
                found = _gaps(pickwave.read_content(content), whole, number)
                tell(f"{self.name} {number + 1}/{timing.rounds}  {name}: {_told(found)}")
                for figure, value in found.items():
                    figures.setdefault(f"{name}: {figure}", []).append(value)
        return CaseResult(title=self.title, taken=taken, figures=figures)


def _gaps(instance: Instance, whole: bool, seed: int) -> dict[str, float]:
    """Percent over the best of all plans made here, and the processor time of one second's effort."""
    reference_s = REFERENCE_S if whole else REFERENCE_S_QUICK
    plans = {effort: _planned(instance, effort, seed) for effort in (0.0, *EFFORTS_S) if effort < reference_s}
    best = min(_planned(instance, reference_s, seed)[0].walk_m, *(made.walk_m for made, _ in plans.values()))
    found = {
        f"{effort:g} s, % over the best": 100.0 * (made.walk_m / best - 1.0)
        for effort, (made, _) in plans.items()
    }
    first = plans[0.0][0]
    found["first come, shortest ways, % over the best"] = 100.0 * (first.first_come_m / best - 1.0)
    found["first come, S-shape, % over the best"] = 100.0 * (first.first_come_s_shape_m / best - 1.0)
    found["processor time of 1 s of effort, s"] = plans[1.0][1]
    return found


def _planned(instance: Instance, effort_s: float, seed: int) -> tuple[FilePlan, float]:
    """Without a clock, so with all of the effort; and the processor time that it took."""
    began = time.process_time()
    made = plan(instance, effort_s, seed + 1, clock=lambda: 0.0)
    return made, time.process_time() - began


@dataclass(frozen=True, slots=True)
class CostAsLinesGrow:
    """Processor time of a plan without any search, and of a walk beside the one in Python."""

    name: str = "waves-cost"
    title: str = "What a plan of waves costs as order lines grow"

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:  # noqa: ARG002 - no server is measured
        """One core; the machine code is loaded before."""
        return await asyncio.to_thread(self._run, timing, tell)

    def _run(self, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        taken = taken_now(timing)
        figures: dict[str, list[float]] = {}
        warm_up()
        for number in range(timing.rounds):
            found = _costs(number) | _walks(number)
            tell(f"{self.name} {number + 1}/{timing.rounds}  {_told(found)}")
            for name, value in found.items():
                figures.setdefault(name, []).append(value)
        return CaseResult(title=self.title, taken=taken, figures=figures)


def _costs(seed: int) -> dict[str, float]:
    """Processor time until carts are put together and their walks found, and with half a second of search."""
    found = {}
    for lines in LINES:
        instance = pickwave.read_content(instances.web_shop(seed, lines))
        found[f"{lines:,} lines, without search, s"] = _planned(instance, 0.0, seed)[1]
        found[f"{lines:,} lines, 0.5 s of effort, s"] = _planned(instance, 0.5, seed)[1]
    return found


def _walks(seed: int) -> dict[str, float]:
    """How many times as fast machine code finds the same walks as the exact router in Python."""
    instance = pickwave.read_content(instances.web_shop(seed, 3 * WALKS))
    stops = [job.stops for job in instance.jobs()][:WALKS]
    began = time.process_time()
    ours = lengths_m(instance.layout, stops)
    middle = time.process_time()
    theirs = [walk_m(instance.layout, tuple(each)) for each in stops]
    end = time.process_time()
    if any(abs(a - b) > 1e-6 for a, b in zip(ours, theirs, strict=True)):
        raise ArithmeticError("the two routers disagree")
    return {"walks found, times as fast as in Python": (end - middle) / (middle - began)}


def _told(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.2f}" for name, value in found.items())


CASES: list[Case] = [GapAgainstTime(), CostAsLinesGrow()]
