"""One measurement: the load generator as a process of its own, beside what the server took."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from lumbung_bench.contenders import Contender
from lumbung_bench.load.spec import LoadReport, LoadSpec
from lumbung_bench.results import Sample
from lumbung_bench.stage import Stage, python
from lumbung_dev.local.trouble import Trouble

IDLE_PERCENT = 20.0
IDLE_LOOK_S = 0.25
IDLE_S_MAX = 15.0
GRACE_S = 60.0
"""For a generator to start, and to wait for the last answers."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long, and how often."""

    warm_up_s: float
    measure_s: float
    rounds: int


async def measure(stage: Stage, contender: Contender, timing: Timing, seed: int) -> Sample:
    """Asks the server for a time. Raises Trouble when the generator could not do so."""
    await contender.prepare()
    processes = _processes(stage, contender)
    await _until_idle(processes[0])
    before = [_cpu_s(process) for process in processes]
    with tempfile.TemporaryDirectory(prefix="lumbung-bench-") as folder:
        outcomes_file = Path(folder) / "outcomes"
        report = await generate(_spec(contender, timing, seed, outcomes_file), timing)
        after = [_cpu_s(process) for process in processes]
        contender.server.note(contender.load, outcomes_file.read_bytes())
    if not report.rate_per_s or math.isnan(report.latency.p99_ms):
        raise Trouble(f"{contender.name} answered nothing in {timing.measure_s:g} s; is the machine busy?")
    took = [(end - start) / max(1, report.sent) * 1e6 for start, end in zip(before, after, strict=True)]
    return _sample(report, took)


def _processes(stage: Stage, contender: Contender) -> list[psutil.Process]:
    """The server, then Postgres and Valkey where they are ours."""
    pid = contender.pid() if contender.pid else stage.pid(contender.server.name)
    return [psutil.Process(each) for each in (pid, *stage.server_pids())]


def _sample(report: LoadReport, took_us: list[float]) -> Sample:
    server_us, postgres_us, valkey_us = [*took_us, 0.0, 0.0][:3]
    held, refused = report.statuses.get("0", 0), report.statuses.get("9", 0)
    return Sample(
        rate_per_s=report.rate_per_s,
        p50_ms=report.latency.p50_ms,
        p99_ms=report.latency.p99_ms,
        held=held,
        refused=refused,
        failed=report.sent - held - refused,
        server_cpu_us=server_us,
        postgres_cpu_us=postgres_us,
        valkey_cpu_us=valkey_us,
        generator_cpu_us=report.cpu_us,
        answer_bytes=report.answer_bytes,
    )


async def _until_idle(process: psutil.Process) -> None:
    """Lets a server finish what it began for the one before, within bounds."""
    give_up_at = time.monotonic() + IDLE_S_MAX
    process.cpu_percent()
    while time.monotonic() < give_up_at:
        await asyncio.sleep(IDLE_LOOK_S)
        if process.cpu_percent() < IDLE_PERCENT:
            return


def _spec(contender: Contender, timing: Timing, seed: int, outcomes_file: Path) -> LoadSpec:
    load = contender.load
    return LoadSpec(
        target=contender.server.target,
        path=load.path,
        templates=load.templates,
        form=load.form,
        in_flight=load.in_flight,
        rate_per_s=load.rate_per_s,
        connections=load.connections,
        calls_max=load.calls_max,
        warm_up_s=timing.warm_up_s,
        measure_s=timing.measure_s,
        first_number=contender.server.next_number,
        outcomes_file=str(outcomes_file),
        seed=seed,
    )


async def generate(spec: LoadSpec, timing: Timing) -> LoadReport:
    """Runs the generator to its end, or kills it when we are told to stop."""
    process = await asyncio.create_subprocess_exec(
        *python("lumbung_bench.load"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timing.warm_up_s + timing.measure_s + GRACE_S):
            output, errors = await process.communicate(spec.to_json().encode())
    except TimeoutError:
        raise Trouble(f"the load on {spec.target} did not come to an end") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise Trouble(f"the load generator failed:\n{errors.decode(errors='replace')[-2000:]}")
    report = LoadReport.from_json(output.decode())
    if report.trouble:
        raise Trouble(f"the load on {spec.target} ended early: {report.trouble}")
    return report


def _cpu_s(process: psutil.Process) -> float:
    """Of the process, and of all that it ever started."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # a child that ended counts with its parent
            times = each.cpu_times()
            total += times.user + times.system
            if each == process:
                total += times.children_user + times.children_system
    return total
