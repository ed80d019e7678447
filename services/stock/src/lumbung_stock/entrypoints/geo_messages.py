"""Places on earth, checked, as domain objects."""

from __future__ import annotations

from typing import Final

from lumbung.stock.v1 import geo_pb2 as pb
from lumbung_kit.validate import Check
from lumbung_stock.domain.geography import GeoPoint

LATITUDE_DEG_MAX: Final = 90.0
LONGITUDE_DEG_MAX: Final = 180.0


def point_of(check: Check, field: str, message: pb.GeoPoint) -> GeoPoint:
    """A place on earth."""
    return GeoPoint(
        _degrees(check, f"{field}.latitude_deg", message.latitude_deg, LATITUDE_DEG_MAX),
        _degrees(check, f"{field}.longitude_deg", message.longitude_deg, LONGITUDE_DEG_MAX),
    )


def _degrees(check: Check, field: str, value: float, maximum: float) -> float:
    """Written so that what is not a number fails too."""
    if not -maximum <= value <= maximum:
        check.add(field, f"must be from {-maximum:g} to {maximum:g} degrees, not {value:g}")
    return value
