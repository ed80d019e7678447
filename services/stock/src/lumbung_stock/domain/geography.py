"""Where warehouses and buyers are, and how far from each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A place on earth, WGS 84."""

    latitude_deg: float
    longitude_deg: float


def distance_km(one: GeoPoint, other: GeoPoint) -> float:
    """The way over the earth's surface (haversine)."""
    lat_one, lat_other = math.radians(one.latitude_deg), math.radians(other.latitude_deg)
    half_lat = (lat_other - lat_one) / 2
    half_lon = math.radians(other.longitude_deg - one.longitude_deg) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_one) * math.cos(lat_other) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, chord)))


def by_distance(places: Iterable[tuple[str, GeoPoint | None]], destination: GeoPoint) -> tuple[str, ...]:
    """Warehouses by growing distance; equally far ones, and at the end those without a place, as they came."""

    def far(place: tuple[str, GeoPoint | None]) -> float:
        return math.inf if place[1] is None else distance_km(place[1], destination)

    return tuple(code for code, _ in sorted(places, key=far))
