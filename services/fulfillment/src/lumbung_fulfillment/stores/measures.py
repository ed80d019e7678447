"""How the floor does, read from what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from lumbung_fulfillment.domain.rates import rate
from lumbung_fulfillment.stores.query import Row, fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "measures.sql")
_STATEMENTS = tuple(_SQL[name] for name in ("orders", "scans", "work", "waves", "leftovers"))
_DAYS, _PICKERS, _SHORT_BINS = _SQL["days"], _SQL["pickers"], _SQL["short_bins"]

SILENCE = timedelta(minutes=10)
"""Whoever has a wave and scans nothing is taken to work for so long after their last scan."""


@dataclass(frozen=True, slots=True)
class Span:
    """Of a warehouse, from `start` up to `end`, cut into days by a time zone."""

    warehouse_code: str
    start: datetime
    end: datetime
    zone: str

    def parameters(self) -> dict[str, Any]:
        """For every statement here."""
        return {name: getattr(self, name) for name in self.__slots__} | {"silence": SILENCE}


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a warehouse over a span."""

    accepted_orders: int
    same_day_orders: int
    shipped_orders: int
    cancelled_orders: int
    short_orders: int
    mean_pick_time: timedelta | None
    pick_scans: int
    picked_lines: int
    picked_units: int
    picked_walk_m: float
    wrong_scans: int
    short_picks: int
    ended_picks: int
    pick_time: timedelta
    wrong_shipments: int
    waves_done: int
    waves_on_time: int
    walk_m: float
    order_by_order_walk_m: float
    open_put_backs: int
    returns_to_inspect: int

    @property
    def lines_per_hour(self) -> float:
        """The pick rate."""
        return rate(self.picked_lines, self.pick_time / timedelta(hours=1))

    @property
    def lines_per_metre(self) -> float:
        """Of the walks to those lines, as days and pickers have them."""
        return rate(self.picked_lines, self.picked_walk_m)

    @property
    def short_pick_rate(self) -> float:
        """Of the picks that ended."""
        return rate(self.short_picks, max(self.ended_picks, self.short_picks))


@dataclass(frozen=True, slots=True)
class Work:
    """What was picked and walked on one day."""

    day_start_time: datetime
    lines: int
    units: int
    walk_m: float
    pick_time: timedelta
    wrong_scans: int
    short_picks: int

    @property
    def lines_per_hour(self) -> float:
        """The pick rate."""
        return rate(self.lines, self.pick_time / timedelta(hours=1))

    @property
    def lines_per_metre(self) -> float:
        """How well the walks were used."""
        return rate(self.lines, self.walk_m)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a warehouse."""

    work: Work
    waves_done: int
    waves_on_time: int


@dataclass(frozen=True, slots=True)
class PickerDay:
    """A day of one person, by the clock on the warehouse's wall."""

    picker_code: str
    day: date
    work: Work


@dataclass(frozen=True, slots=True)
class ShortBin:
    """A bin from which picks went short."""

    bin_code: str
    picks: int
    short_picks: int
    missing_quantity: int


async def read(conn: Conn, span: Span) -> Measures:
    """The figures of a whole span."""
    figures: Row = {}
    for statement in _STATEMENTS:
        (row,) = await fetch(conn, statement, span.parameters())
        figures |= row
    return Measures(**figures)


async def days(conn: Conn, span: Span) -> list[Day]:
    """Each day on which something was done, oldest first."""
    rows = await fetch(conn, _DAYS, span.parameters())
    return [Day(_work(row), row["waves_done"], row["waves_on_time"]) for row in rows]


async def pickers(conn: Conn, span: Span, after: tuple[date, str], limit: int) -> list[PickerDay]:
    """By day and picker, after one of them."""
    parameters = {"after_day": after[0], "after_picker": after[1], "limit": limit}
    rows = await fetch(conn, _PICKERS, span.parameters() | parameters)
    return [PickerDay(row["picker_code"], row["day"], _work(row)) for row in rows]


async def short_bins(conn: Conn, span: Span, limit: int) -> list[ShortBin]:
    """The worst first."""
    rows = await fetch(conn, _SHORT_BINS, span.parameters() | {"limit": limit})
    return [ShortBin(**row) for row in rows]


def _work(row: Row) -> Work:
    return Work(**{name: row[name] for name in Work.__slots__})
