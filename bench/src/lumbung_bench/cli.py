"""`make bench`: measures, and writes what it found."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from lumbung_bench import machine
from lumbung_bench.cases import ALL
from lumbung_bench.measure import Timing
from lumbung_bench.report.page import RESULTS, write
from lumbung_bench.report.tell import tell_result
from lumbung_bench.results import CaseResult, Results
from lumbung_bench.rounds import Case, NotYetError, taken_now
from lumbung_bench.stage import FOLDER, open_stage
from lumbung_dev.local.checkout import ROOT
from lumbung_dev.local.trouble import Trouble

DOCS = ROOT / "docs"
QUICK = Timing(warm_up_s=0.4, measure_s=1.5, rounds=2)
FULL = Timing(warm_up_s=1.0, measure_s=4.0, rounds=5)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def bench(
    cases: Annotated[
        str, typer.Option(help="Only these: names or patterns with *, separated by commas.")
    ] = "*",
    quick: Annotated[
        bool, typer.Option("--quick", help="Short and rough; writes into .lumbung/bench/quick.")
    ] = False,
    rounds: Annotated[int | None, typer.Option(help="How often each contender is measured.", min=1)] = None,
    seconds: Annotated[float | None, typer.Option(help="How long each time.", min=0.2)] = None,
    data: Annotated[
        Path, typer.Option(help="Folder for servers and logs; with --quick for what is written, too.")
    ] = FOLDER,
    render: Annotated[
        bool, typer.Option("--render", help="Writes the page anew from what was measured before.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Names the cases and measures nothing.")] = False,
) -> None:
    """Measures reservations beside what else one could have built, and writes docs/benchmarks.md."""
    chosen = [case for case in ALL if any(fnmatch(case.name, pattern) for pattern in cases.split(","))]
    if not chosen:
        console.print(f"There is no case {cases}; --list names them.")
        raise typer.Exit(1)
    if listing:
        for case in chosen:
            console.print(f"{case.name:<24} {case.title}")
        return
    folder = data / "quick" if quick else DOCS
    if render:
        write(Results.load(folder / RESULTS), folder)
        return
    standard = QUICK if quick else FULL
    timing = Timing(standard.warm_up_s, seconds or standard.measure_s, rounds or standard.rounds)
    try:
        whole = uvloop.run(_until_told_to_stop(_run(chosen, timing, folder, data)))
    except Trouble as trouble:
        console.print(f"[red]{trouble}")
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; the cases that were complete are written down.")
        raise typer.Exit(130) from None
    raise typer.Exit(0 if whole else 1)


async def _until_told_to_stop(work: Coroutine[Any, Any, bool]) -> bool:
    """SIGTERM ends the work as Ctrl-C does."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _run(chosen: Sequence[Case], timing: Timing, folder: Path, data: Path) -> bool:
    """Writes down each case as it is measured. True when all could be; one that breaks leaves the others alone."""
    whole = True
    async with open_stage(console.print, data) as stage:
        for case in chosen:
            console.print(f"\n[bold]{case.name}[/]: {case.title}")
            try:
                found = await case.run(stage, timing, console.print)
            except NotYetError as reason:
                found = CaseResult(title=case.title, taken=taken_now(timing), skipped=str(reason))
            except Exception:  # noqa: BLE001 - shown, and the run fails in the end
                console.print_exception()
                whole = False
                continue
            _keep(case.name, found, folder)
            tell_result(console, found)
    return whole


def _keep(name: str, found: CaseResult, folder: Path) -> None:
    file = folder / RESULTS
    results = Results.load(file).with_case(
        name, found, machine=machine.machine(), versions=machine.versions()
    )
    ordered = {case.name: results.cases[case.name] for case in ALL if case.name in results.cases}
    results = Results(machine=results.machine, versions=results.versions, cases=ordered)
    results.save(file)
    write(results, folder)


if __name__ == "__main__":
    app()
