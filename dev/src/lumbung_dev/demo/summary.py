"""The closing table, for people; and the same figures as JSON, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.table import Table

from lumbung_dev.demo.act2_sale import Sale
from lumbung_dev.demo.act3_waves import Waves
from lumbung_dev.demo.act4_floor import Walks
from lumbung_dev.demo.act5_second_thoughts import Cancellations
from lumbung_dev.demo.act6_parcels import Parcels
from lumbung_dev.demo.act7_return import Homecoming
from lumbung_dev.demo.diary import Diary, Ending, Purchase
from lumbung_dev.demo.promises import Finding
from lumbung_dev.demo.reckoning import Reckoning
from lumbung_dev.demo.trail import Trail


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that the acts came to."""

    seed: int
    quota: int
    diary: Diary
    sale: Sale
    waves: Waves
    walks: Walks
    cancellations: Cancellations
    parcels: Parcels
    homecoming: Homecoming
    trail: Trail
    reckoning: Reckoning


def closing_table(story: Story, afterwards: tuple[Finding, ...], elapsed_s: float) -> Table:
    """What was measured, line by line."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(story):
        table.add_row(name, value)
    table.add_section()
    for finding in (*story.reckoning.findings, *afterwards):
        mark = "[green]kept[/]  " if finding.kept else "[red]BROKEN[/]"
        table.add_row(finding.promise, f"{mark} {finding.detail}")
    table.add_section()
    table.add_row("took", f"{elapsed_s:.0f} s with seed {story.seed}")
    return table


def _lines(story: Story) -> Iterator[tuple[str, str]]:
    channels = sorted({page.buyer.channel for page in story.diary.purchases})
    yield "sold", ", ".join(f"{count} on {channel}" for channel, count in _sold(story, channels).items())
    on_sale = sum(page.buyer.wants_sale for page in _bought(story.diary))
    yield f"of the {story.quota} on sale", f"{on_sale}, in {story.sale.rush_s:.1f} s for all to know"
    for channel in channels:
        yield f"refused on {channel}", _refused(story.diary, channel)
    yield "oversold", str(story.reckoning.oversold)
    for each in story.sale.followed:
        yield f"figure on {each.channel}", each.sentence()
    yield "walk of the wave", _walk(story)
    yield (
        "walk of all waves",
        (
            f"{story.waves.plan.walk_m:.0f} m for {story.waves.plan.order_count} orders in "
            f"{story.waves.plan.wave_count} waves; order by order {story.waves.plan.order_by_order_walk_m:.0f} m; "
            f"{story.waves.left_out} orders left out"
        ),
    )
    yield (
        "on the floor",
        (
            f"{story.walks.units} units in {story.walks.lines} picks; wrong scans refused: "
            f"{', '.join(story.walks.refused_scans)}; short at {story.walks.short_bin}, helped out by "
            f"{', '.join(story.walks.replacement_bins)}"
        ),
    )
    yield "parcels shipped", str(len(story.parcels.orders))
    yield (
        "cancelled",
        (
            f"{story.cancellations.after_picking} after picking ({story.cancellations.units_put_back} units put back), "
            f"{story.cancellations.before_picking} before"
        ),
    )
    yield "returned", f"{story.homecoming.order_reference}: {story.homecoming.units} units restocked"
    yield (
        "ledger against levels",
        (
            f"{story.reckoning.ledger_differences} differences in {story.reckoning.ledger_figures} figures, "
            f"recomputed from {story.reckoning.ledger_entries} entries"
        ),
    )
    yield (
        "one order's trace",
        (
            f"{story.trail.trace_id} ({story.trail.order_reference}): {story.trail.span_count} spans in "
            f"{' > '.join(story.trail.services)}"
        ),
    )
    if story.sale.mishap:
        mishap = story.sale.mishap
        yield "killed", f"{mishap.service} after {mishap.sold_before} sales, back after {mishap.down_s:.1f} s"


def _bought(diary: Diary) -> list[Purchase]:
    return [*diary.ended(Ending.SOLD), *diary.ended(Ending.CANCELLED)]


def _sold(story: Story, channels: list[str]) -> Mapping[str, int]:
    bought = _bought(story.diary)
    return {channel: sum(page.buyer.channel == channel for page in bought) for channel in channels}


def _refused(diary: Diary, channel: str) -> str:
    reasons = {reason: count for (where, reason), count in diary.refusals().items() if where == channel}
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "none"


def _walk(story: Story) -> str:
    wave = story.waves.followed
    share = 100 * (1 - wave.walk_m / wave.order_by_order_walk_m) if wave.order_by_order_walk_m else 0
    return (
        f"{wave.walk_m:.0f} m for {len(wave.orders)} orders, order by order {wave.order_by_order_walk_m:.0f} m "
        f"({share:.0f} % less)"
    )


def as_json(story: Story, afterwards: tuple[Finding, ...], elapsed_s: float) -> dict[str, Any]:
    """The same for programs."""
    findings = (*story.reckoning.findings, *afterwards)
    channels = sorted({page.buyer.channel for page in story.diary.purchases})
    return {
        "seed": story.seed,
        "elapsed_s": round(elapsed_s, 1),
        "quota": story.quota,
        "sold_on_sale": sum(page.buyer.wants_sale for page in _bought(story.diary)),
        "sold": _sold(story, channels),
        "refused": [
            {"channel": channel, "reason": reason, "count": count}
            for (channel, reason), count in sorted(story.diary.refusals().items())
        ],
        "oversold": story.reckoning.oversold,
        "figures": [asdict(each) for each in story.sale.followed],
        "wave_walk_m": story.waves.followed.walk_m,
        "wave_order_by_order_walk_m": story.waves.followed.order_by_order_walk_m,
        "wrong_scans": list(story.walks.refused_scans),
        "replacement_bins": list(story.walks.replacement_bins),
        "parcels": len(story.parcels.orders),
        "units_put_back": story.cancellations.units_put_back,
        "units_restocked": story.homecoming.units,
        "ledger_differences": story.reckoning.ledger_differences,
        "trace_id": story.trail.trace_id,
        "trace_services": list(story.trail.services),
        "promises": {finding.promise: finding.kept for finding in findings},
    }
