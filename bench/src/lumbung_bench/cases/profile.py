"""Where the service's Python spends its time at full load: py-spy, from aside."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lumbung_bench import names, reservations
from lumbung_bench.cases.unary import on_sale
from lumbung_bench.contenders import Contender
from lumbung_bench.contestants.stock_service import stock_service
from lumbung_bench.measure import Timing, measure
from lumbung_bench.report.tables import table
from lumbung_bench.results import CaseResult
from lumbung_bench.rounds import Case, NotYetError, taken_now
from lumbung_bench.stage import Stage

SAMPLES_PER_S = 200
LISTED = 25
START_S = 1.0
"""py-spy needs about so long to find its way around a process."""
_SITE = "site-packages/"


@dataclass(frozen=True, slots=True)
class Profile:
    """Samples one service's stacks while 64 durable calls are in flight."""

    name: str = "profile"
    title: str = "Where the service's process spends its time: durable Reserve, unary, 3 lines, 64 in flight"

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """Raises NotYetError when py-spy may not look into another process here."""
        taken = taken_now(timing)
        timing = Timing(timing.warm_up_s + START_S, max(5.0, timing.measure_s), 1)
        async with stock_service(stage, "stock") as ours:
            contender = Contender(names.DURABLE, ours.server, on_sale(reservations.carts(3, 3)))
            recording = asyncio.create_task(_record(stage.pid(ours.server.name), int(timing.measure_s)))
            sample = await measure(stage, contender, timing, seed=0)
            stacks = await recording
            promised = await ours.server.promised()
        tell(f"{self.name}  {sum(stacks.values())} samples at {sample.rate_per_s:,.0f}/s")
        note = (
            "Shares of the moments in which a thread held the GIL; what gRPC's core and the drivers do without it"
            " is not seen."
        )
        kept = {ours.server.name: promised} if promised else {}
        text = f"# Profile\n\n{self.title}, at {sample.rate_per_s:,.0f} a second. {note}\n\n" + _report(
            stacks
        )
        return CaseResult(title=self.title, taken=taken, note=note, text=text, promised=kept)


async def _record(pid: int, seconds: int) -> Mapping[tuple[str, ...], int]:
    """Stack (outermost first) -> samples."""
    program = Path(sys.executable).parent / "py-spy"
    found = str(program) if program.exists() else shutil.which("py-spy")
    if found is None:
        raise NotYetError("py-spy is not installed")
    with tempfile.TemporaryDirectory(prefix="lumbung-bench-") as folder:
        output = Path(folder) / "stacks"
        words = (
            "--rate",
            str(SAMPLES_PER_S),
            "--format",
            "raw",
            "--gil",
            "--nonblocking",
            "--output",
            str(output),
        )
        process = await asyncio.create_subprocess_exec(
            *(found, "record", "--pid", str(pid), "--duration", str(seconds), *words),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        if process.returncode:
            raise NotYetError(f"py-spy could not look: {errors.decode(errors='replace').strip()[-300:]}")
        return _parse(output.read_text())


def _parse(raw: str) -> Mapping[tuple[str, ...], int]:
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in raw.splitlines():
        frames, _, count = line.rpartition(" ")
        stacks[tuple(map(_place, frames.split(";")))] += int(count)
    return stacks


def _place(frame: str) -> str:
    """`function (module.py)`: lines within a function are summed."""
    name, _, where = frame.partition(" (")
    path = where.rstrip(")").rpartition(":")[0] or where.rstrip(")")
    path = path.rpartition(_SITE)[2] if _SITE in path else "/".join(path.split("/")[-2:])
    return f"{name} ({path})"


def _report(stacks: Mapping[tuple[str, ...], int]) -> str:
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for stack, count in stacks.items():
        own[stack[-1]] += count
        for place in set(stack):
            whole[place] += count
    total = max(1, sum(stacks.values()))

    def rows(counts: Counter[str]) -> list[tuple[str, str]]:
        return [(f"{100 * count / total:.1f} %", f"`{place}`") for place, count in counts.most_common(LISTED)]

    return (
        "## In the function itself\n\n"
        + table(("share", "function"), rows(own))
        + "\n\n## In the function and what it calls\n\n"
        + table(("share", "function"), rows(whole))
        + "\n"
    )


CASES: list[Case] = [Profile()]
