"""What a cart carries, and what orders ask of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lumbung_fulfillment.domain.layout import Stop

PICKS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Load:
    """What rides: base units, one tote per order, grams and millilitres, and the picks that it takes."""

    units: int = 0
    totes: int = 0
    weight_g: int = 0
    volume_ml: int = 0
    picks: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(
            self.units + other.units,
            self.totes + other.totes,
            self.weight_g + other.weight_g,
            self.volume_ml + other.volume_ml,
            self.picks + other.picks,
        )


class Measure(Enum):
    """What a load is measured by."""

    UNITS = "units"
    TOTES = "totes"
    WEIGHT = "weight"
    VOLUME = "volume"
    PICKS = "picks"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a cart can carry. A limit of 0 does not apply. The limit of picks keeps a wave's answers of bounded size."""

    units: int = 60
    totes: int = 12
    weight_g: int = 0
    volume_ml: int = 0
    picks: int = PICKS_MAX

    def holds(self, load: Load) -> bool:
        """Whether a load fits in every respect."""
        return (
            (not self.units or load.units <= self.units)
            and (not self.totes or load.totes <= self.totes)
            and (not self.weight_g or load.weight_g <= self.weight_g)
            and (not self.volume_ml or load.volume_ml <= self.volume_ml)
            and (not self.picks or load.picks <= self.picks)
        )

    def exceeded_by(self, load: Load) -> tuple[Measure, ...]:
        """The respects in which a load is too much."""
        limits = (
            (Measure.UNITS, self.units, load.units),
            (Measure.TOTES, self.totes, load.totes),
            (Measure.WEIGHT, self.weight_g, load.weight_g),
            (Measure.VOLUME, self.volume_ml, load.volume_ml),
            (Measure.PICKS, self.picks, load.picks),
        )
        return tuple(measure for measure, limit, asked in limits if limit and asked > limit)

    @property
    def needs_sizes(self) -> bool:
        """Whether it matters what goods weigh, or what room they take."""
        return bool(self.weight_g or self.volume_ml)


@dataclass(frozen=True, slots=True)
class Job:
    """One order as a planner sees it. `rank` is its place in order of arrival, lower is earlier."""

    order_id: str
    stops: frozenset[Stop]
    load: Load
    rank: int

    @property
    def aisles(self) -> int:
        """The aisles that it needs, one bit each."""
        mask = 0
        for stop in self.stops:
            mask |= 1 << stop.aisle
        return mask


def total(jobs: Iterable[Job]) -> Load:
    """What these orders ask of a cart together."""
    load = Load()
    for job in jobs:
        load += job.load
    return load
