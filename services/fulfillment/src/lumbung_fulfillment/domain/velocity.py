"""How often each SKU is picked, and the class that follows from it.

ABC by pick lines, not by units: a line is a visit to a bin, and visits are what one walks. The SKUs are put in order by
lines a week. Those that make up the first 80 % of all lines are A, those of the next 15 % are B, the others C. SKUs
that are picked equally often are never in different classes: all of them get the class in which the first of them is.

A SKU that was first picked within the window is judged by the time since then, for at least two weeks, so that it is
neither held back by weeks in which it could not be sold nor carried up by one lucky day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from itertools import groupby

SHARE_A = 0.80
"""Part of the pick lines that SKUs of class A make up, about."""
SHARE_B = 0.95
"""Part of them that A and B make up together."""
WEEKS_DEFAULT, WEEKS_MAX = 8, 26
NEW_FOR_WEEKS_MIN = 2.0
_WEEK = timedelta(weeks=1)
_DAYS_PER_WEEK = 7


class VelocityClass(Enum):
    """A is picked most."""

    A = "a"
    B = "b"
    C = "c"


@dataclass(frozen=True, slots=True)
class PickHistory:
    """What was picked of a SKU within the window, and when it was picked first of all."""

    sku_code: str
    line_count: int
    quantity: int
    first_time: datetime


@dataclass(frozen=True, slots=True)
class Velocity:
    """A SKU's pace."""

    velocity_class: VelocityClass
    lines_per_week: float
    units_per_day: float


@dataclass(frozen=True, slots=True)
class Velocities:
    """The paces of a warehouse's SKUs. One that was not picked is C, unless the catalog says that it will be fast."""

    by_sku: Mapping[str, Velocity]
    known_fast: frozenset[str] = field(default_factory=frozenset)

    def of(self, sku_code: str) -> Velocity:
        """Also of a SKU that nobody picked yet: A if it was announced as a fast mover, else C."""
        found = self.by_sku.get(sku_code)
        if found is not None:
            return found
        return _ANNOUNCED if sku_code in self.known_fast else _NEVER_PICKED

    def count(self, velocity_class: VelocityClass) -> int:
        """SKUs of a class that were picked."""
        return sum(each.velocity_class is velocity_class for each in self.by_sku.values())


_NEVER_PICKED = Velocity(VelocityClass.C, 0.0, 0.0)
_ANNOUNCED = Velocity(VelocityClass.A, 0.0, 0.0)


def velocities(
    histories: Iterable[PickHistory], now: datetime, weeks: int, known_fast: Iterable[str] = ()
) -> Velocities:
    """Every SKU's pace and class, from what was picked in the last so many weeks."""
    picked = [history for history in histories if history.line_count > 0]
    span = {history.sku_code: _weeks_of(history, now, weeks) for history in picked}
    lines = {history.sku_code: history.line_count / span[history.sku_code] for history in picked}
    units = {history.sku_code: history.quantity / span[history.sku_code] for history in picked}
    by_sku = {
        sku: Velocity(velocity_class, lines[sku], units[sku] / _DAYS_PER_WEEK)
        for sku, velocity_class in classes(lines).items()
    }
    return Velocities(by_sku, frozenset(known_fast))


def classes(lines_per_week: Mapping[str, float]) -> dict[str, VelocityClass]:
    """The class of each SKU; equals are together."""
    total = sum(lines_per_week.values())
    found: dict[str, VelocityClass] = {}
    before = 0.0
    ranked = sorted(lines_per_week, key=lambda sku: (-lines_per_week[sku], sku))
    for pace, equals in groupby(ranked, key=lambda sku: lines_per_week[sku]):
        together = list(equals)
        velocity_class = _class_at(before / total if total else 1.0)
        found |= dict.fromkeys(together, velocity_class)
        before += pace * len(together)
    return found


def _class_at(share_before: float) -> VelocityClass:
    """Of a SKU, by the part of all lines that faster ones make up."""
    if share_before < SHARE_A:
        return VelocityClass.A
    return VelocityClass.B if share_before < SHARE_B else VelocityClass.C


def _weeks_of(history: PickHistory, now: datetime, weeks: int) -> float:
    """The time that a SKU is judged by."""
    since_first = (now - history.first_time) / _WEEK
    return min(float(weeks), max(NEW_FOR_WEEKS_MIN, since_first))
