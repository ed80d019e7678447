"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from lumbung_bench.report.goals import Verdict, busy_cores, figure, told
from lumbung_bench.results import CaseResult, Sample, Spread

_MET = {True: "met", False: "**not met**", None: ""}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def goals_table(verdicts: Sequence[Verdict]) -> str:
    """Goal by goal."""
    heads = ("figure", "goal", "measured", "", "busy cores", "case")
    rows = [
        (each.figure, each.goal, each.measured, _MET[each.met], each.busy, each.case) for each in verdicts
    ]
    return table(heads, rows)


def comparison_table(case: CaseResult) -> str:
    """Contender by contender; the first is the one that the others are compared with."""
    heads = (
        "",
        "a second",
        "times the first",
        "p50 ms",
        "p99 ms",
        "times the first",
        "busy cores",
        "answers",
    )
    return table(heads, [_contender(case, name, samples) for name, samples in case.samples.items()])


def _contender(case: CaseResult, name: str, samples: Sequence[Sample]) -> Sequence[str]:
    first = name == case.baseline
    rates = Spread.of([sample.rate_per_s for sample in samples])
    return (
        name,
        told(rates),
        "" if first else f"**{told(case.rate_ratio(name))}**",
        _middle(sample.p50_ms for sample in samples),
        _middle(sample.p99_ms for sample in samples),
        "" if first else told(case.p99_ratio(name)),
        busy_cores(samples),
        _answers(samples),
    )


def _answers(samples: Sequence[Sample]) -> str:
    counts = (
        ("held", sum(sample.held for sample in samples)),
        ("refused", sum(sample.refused for sample in samples)),
        ("failed", sum(sample.failed for sample in samples)),
    )
    return ", ".join(f"{count:,} {word}" for word, count in counts if count)


def promised_table(case: CaseResult) -> str:
    """What was promised, and what stands behind it."""
    return table(
        ("server", "holds acknowledged", "promised minus stock", "promised minus rows"),
        [
            (name, f"{each.acknowledged:,}", str(each.minus_stock), str(each.minus_rows))
            for name, each in case.promised.items()
        ],
    )


def figures_table(case: CaseResult) -> str:
    """Named figures."""
    return table(
        ("figure", "median", "lowest", "highest"),
        [
            (name, figure(spread.median), figure(spread.low), figure(spread.high))
            for name, spread in ((name, Spread.of(values)) for name, values in case.figures.items())
        ],
    )


def _middle(values: Iterable[float]) -> str:
    return figure(median(list(values)))
