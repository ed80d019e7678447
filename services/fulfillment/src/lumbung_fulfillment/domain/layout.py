"""Where one walks: picking aisles are vertical lines, cross-aisles horizontal ones, and there is no other
way.

A stop is an aisle and a `y` along it; the left and the right shelf at the same `y` are one stop. A walk
begins and ends at the depot on the front cross-aisle.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lumbung_fulfillment.domain.failures import LayoutUnusable

_TOLERANCE_M = 1e-6


@dataclass(frozen=True, slots=True, order=True)
class Stop:
    """A place to take goods from: the aisle's index, and metres from the front along it."""

    aisle: int
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A building's walkable lines, in metres. Coordinates ascend; the first cross-aisle is the front."""

    aisle_x: tuple[float, ...]
    cross_aisle_y: tuple[float, ...]
    depot_x: float = 0.0

    def __post_init__(self) -> None:
        if not self.aisle_x or len(self.cross_aisle_y) < 2:
            raise LayoutUnusable("a layout needs an aisle and at least two cross-aisles")
        for name, values in (("aisle_x", self.aisle_x), ("cross_aisle_y", self.cross_aisle_y)):
            if any(later <= earlier for earlier, later in pairwise(values)):
                raise LayoutUnusable(f"{name} must ascend")

    @property
    def block_count(self) -> int:
        """Stretches of aisle between neighbouring cross-aisles."""
        return len(self.cross_aisle_y) - 1

    def block_of(self, y: float) -> int:
        """The block of a place along an aisle; on a cross-aisle the one behind it."""
        return max(0, min(bisect_right(self.cross_aisle_y, y), self.block_count) - 1)

    def check(self, stop: Stop) -> None:
        """Refuses a stop that lies on no aisle of this layout."""
        inside = self.cross_aisle_y[0] - _TOLERANCE_M <= stop.y <= self.cross_aisle_y[-1] + _TOLERANCE_M
        if not 0 <= stop.aisle < len(self.aisle_x) or not inside:
            raise LayoutUnusable(
                f"a stop at aisle {stop.aisle}, {stop.y:g} m lies on no aisle of this layout"
            )

    def distance_m(self, here: Stop, there: Stop) -> float:
        """The shortest walk between two stops."""
        if here.aisle == there.aisle:
            return abs(here.y - there.y)
        across = abs(self.aisle_x[here.aisle] - self.aisle_x[there.aisle])
        return across + min(abs(here.y - y) + abs(there.y - y) for y in self.cross_aisle_y)

    def depot_distance_m(self, stop: Stop) -> float:
        """The shortest walk between the depot and a stop."""
        return abs(self.depot_x - self.aisle_x[stop.aisle]) + stop.y - self.cross_aisle_y[0]

    def walk_m(self, stops: Sequence[Stop]) -> float:
        """The walk from the depot through the stops in this order and back."""
        if not stops:
            return 0.0
        between = sum(self.distance_m(here, there) for here, there in pairwise(stops))
        return self.depot_distance_m(stops[0]) + between + self.depot_distance_m(stops[-1])


def distinct(stops: Iterable[Stop]) -> list[Stop]:
    """Each stop once, by aisle and y."""
    return sorted(set(stops))
