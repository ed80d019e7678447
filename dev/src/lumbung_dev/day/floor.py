"""The building itself: where bins are, what really lies in them, and how far it is from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lumbung_dev.shop import warehouse

DEPOT = (warehouse.DEPOT_X_M, warehouse.CROSS_AISLE_Y_M[0])
Spot = tuple[float, float]
"""Metres along the front, and into the building."""

_SPOTS: Mapping[str, Spot] = {
    place.code: (warehouse.AISLE_X_M[place.aisle], place.y_m) for place in warehouse.places()
}


def spot_of(bin_code: str) -> Spot:
    """Where a bin is."""
    return _SPOTS[bin_code]


def walk_m(here: Spot, there: Spot) -> float:
    """The shortest way along aisles and cross-aisles."""
    if here[0] == there[0]:
        return abs(here[1] - there[1])
    across = min(abs(here[1] - y) + abs(there[1] - y) for y in warehouse.CROSS_AISLE_Y_M)
    return abs(here[0] - there[0]) + across


@dataclass(slots=True)
class Shelves:
    """What hands find, whatever the book says. Lists no SKU but those that were put there."""

    units: dict[tuple[str, str], int]
    found_short: set[tuple[str, str]] = field(default_factory=set)
    """Bins in which somebody found less than they were sent for."""

    def take(self, bin_code: str, sku_code: str, wanted: int) -> int:
        """As many as there are."""
        there = self.units.get((bin_code, sku_code), 0)
        taken = min(there, wanted)
        self.units[bin_code, sku_code] = there - taken
        if taken < wanted:
            self.found_short.add((bin_code, sku_code))
        return taken

    def put(self, bin_code: str, sku_code: str, units: int) -> None:
        """Back into a bin."""
        self.units[bin_code, sku_code] = self.units.get((bin_code, sku_code), 0) + units


def shelves(opening: Mapping[tuple[str, str], int], missing: Mapping[tuple[str, str], int]) -> Shelves:
    """The book, less what is missing."""
    return Shelves({place: units - missing.get(place, 0) for place, units in opening.items()})
