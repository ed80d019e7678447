"""What came of one seed or of many: for a terminal, for `docs/chaos.md`, and for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from lumbung_dev.chaos.checker import Promise
from lumbung_dev.chaos.rows import ROWS, Row
from lumbung_dev.chaos.schedule import Played, Run
from lumbung_dev.chaos.special import SPECIAL_ROWS, SpecialRow

LOST = (Promise.LOST_CONFIRM, Promise.LOST_HOLD)
OTHER = (Promise.CHANGED_ANSWER, Promise.TWO_WINNERS)


def show(console: Console, runs: Sequence[Run]) -> None:
    """The table row by row, and the checker's verdict."""
    table = Table(box=None, pad_edge=False)
    for name, justify in (("row", "right"), ("fault", "left"), ("promised", "left"), ("seen", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for name in ("times", "median", "longest"):
        table.add_column(name, justify="right")
    for row in _rows(runs):
        table.add_row(*row)
    console.print(table)
    for run in runs:
        console.print(_sentence(run), style="green" if run.content else "bold red", highlight=False)
        for what in _troubles(run):
            console.print(f"  {what}", style="red", markup=False)
        for what in run.left_out:
            console.print(f"  not tried: {what}", style="yellow", markup=False)


def markdown(runs: Sequence[Run], minutes: float) -> str:
    """A page for the documentation."""
    lines = [
        "# What happened when we pulled the plugs",
        "",
        f'{len(runs)} seeded runs of {minutes:g} minutes, by `make chaos ARGS="--runs {len(runs)} --minutes'
        f" {minutes:g}\"` on {platform.machine()}, Python {platform.python_version()}. The checker knows the clients'"
        " recorded history and the final state of Postgres, and nothing else. Recovery is counted from the damage (of"
        " a pause: from its end) until somebody who asked afterwards holds units.",
        "",
        "| seed | acknowledged holds | acknowledged confirms | units oversold | acknowledgements lost | units leaked"
        " | other breaches | faults |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        figures = (
            run.seed, run.holds, run.confirms, run.units(Promise.OVERSOLD), run.breaches(*LOST),
            run.units(Promise.LEAKED), run.breaches(*OTHER), len(run.played),
        )  # fmt: skip
        lines.append(
            "| "
            + " | ".join(f"{figure:,}" if figure != run.seed else str(figure) for figure in figures)
            + " |"
        )
    lines += [
        "",
        "| row | fault | promised | seen | times | median | longest |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(runs)]
    return "\n".join([*lines, ""])


def as_json(runs: Sequence[Run]) -> str:
    """The same for programs."""
    return json.dumps([_as_dict(run) for run in runs], indent=2)


def _as_dict(run: Run) -> dict[str, Any]:
    return {
        "seed": run.seed,
        "content": run.content,
        "acknowledged_holds": run.holds,
        "acknowledged_confirms": run.confirms,
        "oversold_units": run.units(Promise.OVERSOLD),
        "lost_acknowledgements": run.breaches(*LOST),
        "leaked_units": run.units(Promise.LEAKED),
        "other_breaches": run.breaches(*OTHER),
        "faults": [
            {"row": each.row.number, "recovery_s": round(each.recovery_s, 3), "unexpected": each.unexpected}
            for each in run.played
        ],
        "troubles": _troubles(run),
        "left_out": run.left_out,
    }


def _rows(runs: Sequence[Run]) -> list[list[str]]:
    found = []
    rows: list[Row | SpecialRow] = [*ROWS, *SPECIAL_ROWS]
    for row in sorted(rows, key=lambda row: row.number):
        played = [each for run in runs for each in run.played if each.row is row]
        if not played:
            continue
        times = [each.recovery_s for each in played]
        found.append(
            [
                str(row.number),
                row.fault,
                row.promised,
                _seen(played),
                str(len(played)),
                f"{median(times):.1f} s",
                f"{max(times):.1f} s",
            ]
        )
    return found


def _seen(played: Sequence[Played]) -> str:
    return next((each.unexpected for each in played if each.unexpected), "kept")


def _sentence(run: Run) -> str:
    return (
        f"seed {run.seed}: {run.holds:,} holds and {run.confirms:,} confirms acknowledged, {len(run.played)} faults:"
        f" {run.units(Promise.OVERSOLD)} units oversold, {run.breaches(*LOST)} acknowledgements lost,"
        f" {run.units(Promise.LEAKED)} units leaked, {run.breaches(*OTHER)} other breaches"
    )


def _troubles(run: Run) -> list[str]:
    breaches = [f"{each.promise}: {each.what}" for verdict in run.verdicts for each in verdict.breaches]
    return [*breaches, *run.surprises]
