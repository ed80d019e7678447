"""Measures the contenders of a case in turn, several times: A B C A B C, so that the machine's moods hit all alike."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from lumbung_bench.contenders import Contender
from lumbung_bench.measure import Timing, measure
from lumbung_bench.results import CaseResult, Promised, Sample, Taken
from lumbung_bench.stage import Stage
from lumbung_dev.local.checkout import ROOT

Contenders: TypeAlias = AbstractAsyncContextManager[list[Contender]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Contenders to be measured alternately; the first is the one that the others are compared with."""

    name: str
    title: str
    open: Callable[[Stage], Contenders]
    note: str = ""
    rounds_max: int = 100
    """Fewer where a case can be run only once, as when goods are sold out."""
    measure_s_min: float = 0.0
    """More where a case ends by itself; then nothing of it is left out as warming up, for that may be all of it."""

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """Starts what it needs, measures, looks into the books, ends what it started."""
        timing = replace(
            timing,
            rounds=min(timing.rounds, self.rounds_max),
            measure_s=max(timing.measure_s, self.measure_s_min),
            warm_up_s=0.0 if self.measure_s_min else timing.warm_up_s,
        )
        taken = taken_now(timing)
        async with self.open(stage) as contenders:
            samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
            for number in range(timing.rounds):
                for contender in contenders:
                    sample = await measure(stage, contender, timing, seed=number)
                    samples[contender.name].append(sample)
                    tell(_line(f"{self.name} {number + 1}/{timing.rounds}", contender.name, sample))
            promised = await _promised(contenders)
        return CaseResult(title=self.title, taken=taken, samples=samples, promised=promised, note=self.note)


async def _promised(contenders: list[Contender]) -> dict[str, Promised]:
    servers = {contender.server.name: contender.server for contender in contenders}
    found = {name: await server.promised() for name, server in servers.items()}
    return {name: promised for name, promised in found.items() if promised is not None}


class NotYetError(Exception):
    """What a case wants to measure does not exist; the message says what is missing."""


class Case(Protocol):
    """Something that is measured and written down under its name."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """Starts what it needs, measures, ends what it started. Raises NotYetError."""


def taken_now(timing: Timing) -> Taken:
    """The circumstances of a measurement that begins now."""
    return Taken(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        rounds=timing.rounds,
        measure_s=timing.measure_s,
        load_average=os.getloadavg()[0],
    )


def _commit() -> str:
    """Of the checkout; says so when it has changes of its own."""
    command = ("git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return answer.stdout.strip() or "unknown"


def _line(where: str, name: str, sample: Sample) -> str:
    outcome = f"{sample.held} held, {sample.refused} refused, {sample.failed} failed"
    return (
        f"{where:<28} {name:<34} {sample.rate_per_s:>9,.0f}/s  p50 {sample.p50_ms:6.1f}  p99 {sample.p99_ms:6.1f} ms"
        f"  cpu {sample.server_cpu_us:6.0f} us (generator {sample.generator_cpu_us:3.0f})  {outcome}"
    )
