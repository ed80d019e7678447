"""The day in figures, beside first come, first served."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.table import Table

from lumbung_dev.chaos.words import Language
from lumbung_dev.day.checks import Evening
from lumbung_dev.day.house import Tally
from lumbung_dev.day.script import HOUR, Order, Script
from lumbung_dev.day.words import say
from lumbung_dev.shop.outlets import COURIERS


@dataclass(frozen=True, slots=True)
class Result:
    """What one way to run the day came to. Of orders that were promised for the day itself, and not cancelled."""

    due: int
    on_time: int
    late: int
    """Left with a later pickup, or not at all."""
    late_h: float
    """Hours from the promised pickup to the one that took it, together; of what lacks goods, none."""
    shipped: int
    cancelled: int
    unsent: int
    walked_m: float
    lines: int
    tours: int
    picking_h: float
    short_picks: int
    wrong_scans: int
    last_packed_h: float

    @property
    def on_time_percent(self) -> float:
        return 100.0 * self.on_time / self.due if self.due else 100.0

    @property
    def lines_per_h(self) -> float:
        """Of one picker."""
        return self.lines / self.picking_h if self.picking_h else 0.0


def result(script: Script, tally: Tally) -> Result:
    """From what people wrote down."""
    due = [
        order
        for order in script.orders
        if order.reference in tally.sold and order.due_today and order.reference not in tally.cancelled
    ]
    late = [order for order in due if tally.left_s.get(order.reference, 24 * HOUR) > order.due_s]
    late_s = sum(_left_s(order, tally) - order.due_s for order in late if order.reference in tally.packed_s)
    return Result(
        due=len(due),
        on_time=len(due) - len(late),
        late=len(late),
        late_h=late_s / HOUR,
        shipped=len(tally.packed_s),
        cancelled=len(tally.cancelled),
        unsent=len(tally.sold - tally.cancelled - tally.packed_s.keys()),
        walked_m=tally.walked_m,
        lines=tally.lines,
        tours=tally.tours,
        picking_h=tally.picking_s / HOUR,
        short_picks=tally.short_picks,
        wrong_scans=tally.wrong_scans,
        last_packed_h=max(tally.packed_s.values(), default=0.0) / HOUR,
    )


def _left_s(order: Order, tally: Tally) -> float:
    """What stands ready after the last pickup leaves with tomorrow's first."""
    tomorrow = min(hour for courier in COURIERS if courier.service == order.courier for hour in courier.hours)
    return tally.left_s.get(order.reference, (24 + tomorrow) * HOUR)


def table(lang: Language, columns: Sequence[tuple[str, Result]]) -> Table:
    """Side by side."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("", no_wrap=True)
    for name, _ in columns:
        made.add_column(say(lang, name), justify="right")
    for row, shown in _ROWS.items():
        made.add_row(say(lang, row), *(shown(found) for _, found in columns))
    return made


_ROWS: Mapping[str, Callable[[Result], str]] = {
    "on_time": lambda r: f"{r.on_time_percent:.1f} %  ({r.on_time} / {r.due})",
    "late": lambda r: f"{r.late}",
    "late_h": lambda r: f"{r.late_h:.0f}",
    "walked": lambda r: f"{r.walked_m / 1000:.1f} km",
    "walk_per_line": lambda r: f"{r.walked_m / r.lines:.1f} m" if r.lines else "-",
    "lines_per_h": lambda r: f"{r.lines_per_h:.0f}",
    "tours": lambda r: f"{r.tours}",
    "shipped": lambda r: f"{r.shipped}",
    "cancelled": lambda r: f"{r.cancelled}",
    "unsent": lambda r: f"{r.unsent}",
    "short_picks": lambda r: f"{r.short_picks}",
    "wrong_scans": lambda r: f"{r.wrong_scans}",
    "last_packed": lambda r: _clock(r.last_packed_h),
}


def findings_table(evening: Evening, lang: Language) -> Table:
    """Each promise, and whether it was kept."""
    made = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for finding in evening.findings:
        mark = f"[green]{say(lang, 'kept')}[/]" if finding.kept else f"[red]{say(lang, 'broken')}[/]"
        made.add_row(finding.promise, f"{mark}  {finding.detail}")
    return made


def late_orders(script: Script, tally: Tally) -> list[dict[str, object]]:
    """Those that had goods and missed their pickup, by when they were due."""
    late = [
        order
        for order in script.orders
        if order.due_today and order.reference in tally.packed_s and _left_s(order, tally) > order.due_s
    ]
    return [
        {
            "order": order.reference,
            "courier": order.courier,
            "bought": _clock(order.at_s / HOUR),
            "due": _clock(order.due_s / HOUR),
            "packed": _clock(tally.packed_s[order.reference] / HOUR),
            "lines": len(order.basket),
            "on_sale": order.on_sale,
        }
        for order in sorted(late, key=lambda order: (order.due_s, order.reference))
    ]


def as_json(
    script: Script,
    tally: Tally,
    columns: Sequence[tuple[str, Result]],
    evening: Evening,
    wall_s: float,
) -> dict[str, object]:
    """The same, for programs; and which orders were late."""
    return {
        "seed": script.seed,
        "orders": len(script.orders),
        "wall_s": round(wall_s, 1),
        "kept": evening.kept,
        "reported": evening.reported,
        "findings": [asdict(finding) for finding in evening.findings],
        "results": {name: asdict(found) for name, found in columns},
        "late": late_orders(script, tally),
    }


def _clock(hours: float) -> str:
    minutes = round(hours * 60)
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"
