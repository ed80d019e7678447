"""`make bench`: measures, and writes what it found."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from lumbung_bench import machine
from lumbung_bench.cases import ALL
from lumbung_bench.measure import Timing
from lumbung_bench.results import Results
from lumbung_bench.rounds import Comparison
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
    listing: Annotated[bool, typer.Option("--list", help="Names the cases and measures nothing.")] = False,
) -> None:
    """Measures reservations beside what else one could have built, and writes docs/benchmarks.md."""
    chosen = [case for case in ALL if any(fnmatch(case.name, pattern) for pattern in cases.split(","))]
    if listing:
        for case in chosen:
            console.print(f"{case.name:<24} {case.title}")
        return
    standard = QUICK if quick else FULL
    timing = Timing(standard.warm_up_s, seconds or standard.measure_s, rounds or standard.rounds)
    try:
        uvloop.run(_until_told_to_stop(chosen, timing, FOLDER / "quick" if quick else DOCS))
    except Trouble as trouble:
        console.print(f"[red]{trouble}")
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; the cases that were complete are written down.")
        raise typer.Exit(130) from None


async def _until_told_to_stop(chosen: Sequence[Comparison], timing: Timing, folder: Path) -> None:
    """SIGTERM ends the work as Ctrl-C does."""
    task = asyncio.ensure_future(_run(chosen, timing, folder))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


async def _run(chosen: Sequence[Comparison], timing: Timing, folder: Path) -> None:
    file = folder / "benchmarks" / "results.json"
    async with open_stage(console.print) as stage:
        for case in chosen:
            console.print(f"\n[bold]{case.name}[/]: {case.title}")
            found = await case.run(stage, timing, console.print)
            results = Results.load(file).with_case(
                case.name, found, machine=machine.machine(), versions=machine.versions()
            )
            results.save(file)
            for name in list(found.samples)[1:]:
                rate, p99 = found.rate_ratio(name), found.p99_ratio(name)
                console.print(
                    f"  {name}: {rate.median:.2f} ({rate.low:.2f}-{rate.high:.2f}) times the rate of"
                    f" {found.baseline}, {p99.median:.2f} times its p99"
                )
            for name, promised in found.promised.items():
                console.print(
                    f"  {name}: {promised.acknowledged} promised; minus stock {promised.minus_stock},"
                    f" minus rows {promised.minus_rows}"
                )


if __name__ == "__main__":
    app()
