"""docs/benchmarks.md, written from the results alone."""

from __future__ import annotations

from pathlib import Path

from lumbung_bench.report.goals import verdicts
from lumbung_bench.report.plot import draw
from lumbung_bench.report.tables import (
    comparison_table,
    figures_table,
    goals_table,
    promised_table,
)
from lumbung_bench.results import CaseResult, Results

RESULTS = Path("benchmarks") / "results.json"
PICTURE = Path("benchmarks") / "rates.svg"
REPORTS = Path("benchmarks")
"""Cases that have a report of their own write it here, under their name."""
PAGE = Path("benchmarks.md")

_INTRODUCTION = """# Benchmarks

Written by `make bench`; do not edit. What takes the time is in [benchmarks/profile.md](benchmarks/profile.md).

Every server is one process. The load generator (`docs/decisions/0020`) is another one on the same machine, over
loopback; 64 calls in flight over 4 connections unless said otherwise, each with a `request_id` and a customer of its
own, and latency counted from the moment at which a call was due. Contenders of a case are measured in turn, and ratios
are taken within a round: "0.50 (0.45 to 0.55)" is the median of the rounds with the lowest and the highest. PostgreSQL
syncs every commit and Valkey every write (`appendfsync always`), metrics are served, and 1 % of the calls are traced
to a collector, unless a case says otherwise. Servers of a case that are not being measured stay up, idle: one of ours
takes 3 % of a core then. Holds live 24 hours, so none expires meanwhile. After each case every
hold that was acknowledged is looked up in the server's database."""


_BUSY = """Busy cores say what bounds a figure: the server's own process + PostgreSQL + Valkey + the load generator,
of as many cores as the machine has. One Python process decides with one core at most; gRPC's own threads add to it."""
_COMMANDS = """```
make bench                              # all of it
make bench ARGS="--cases 'durable*'"    # some of it, into the same page
```"""


def write(results: Results, folder: Path) -> None:
    """The page and the picture beside the results."""
    (folder / PICTURE).parent.mkdir(parents=True, exist_ok=True)
    (folder / PICTURE).write_text(draw(results))
    (folder / PAGE).write_text(_page(results))
    for name, case in results.cases.items():
        if case.text:
            (folder / _report_of(name)).write_text(case.text)


def _report_of(name: str) -> Path:
    return REPORTS / f"{name}.md"


def _page(results: Results) -> str:
    parts = [
        _INTRODUCTION,
        "## Goals",
        goals_table(verdicts(results)),
        _BUSY,
        f"## Reservations a second\n\n![rates of all contenders]({PICTURE.as_posix()})",
        *(_case(name, case) for name, case in results.cases.items()),
        "## Machine and versions",
        _machine(results),
        "## Commands",
        _COMMANDS,
    ]
    return "\n\n".join(parts) + "\n"


def _case(name: str, case: CaseResult) -> str:
    parts = [f"### {name}", case.title + "."]
    if case.skipped:
        parts.append(f"Skipped: {case.skipped}.")
    if case.note:
        parts.append(case.note)
    if case.samples:
        parts.append(comparison_table(case))
    if case.figures:
        parts.append(figures_table(case))
    if case.promised:
        parts.append(promised_table(case))
    if case.text:
        report = _report_of(name).as_posix()
        parts.append(f"See [{report}]({report}).")
    taken = case.taken
    rounds = f"{taken.rounds} round{'s' if taken.rounds > 1 else ''} of {taken.measure_s:g} s"
    parts.append(f"{taken.time}, {taken.commit}, {rounds}, load average before: {taken.load_average:.2f}.")
    return "\n\n".join(parts)


def _machine(results: Results) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in results.versions.items())
    return f"{machine}.\n\n{versions}."
