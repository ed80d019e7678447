"""What is said on the terminal when a case is done."""

from __future__ import annotations

from rich.console import Console

from lumbung_bench.report.goals import told
from lumbung_bench.results import CaseResult, Spread


def tell_result(console: Console, found: CaseResult) -> None:
    """Ratios, figures, promises."""
    if found.skipped:
        console.print(f"  skipped: {found.skipped}")
    for name in list(found.samples)[1:]:
        rate, p99 = found.rate_ratio(name), found.p99_ratio(name)
        console.print(f"  {name}: {told(rate)} times the rate of {found.baseline}, {told(p99)} times its p99")
    for name, values in found.figures.items():
        console.print(f"  {name}: {told(Spread.of(values))}")
    for name, promised in found.promised.items():
        console.print(
            f"  {name}: {promised.acknowledged} promised; minus stock {promised.minus_stock},"
            f" minus rows {promised.minus_rows}"
        )
