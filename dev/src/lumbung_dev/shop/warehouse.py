"""The warehouse in Jakarta: ten aisles side by side, and which bin is meant for which goods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

CODE = "JKT1"
NAME = "Gudang Cakung, Jakarta Timur"
TIME_ZONE = "Asia/Jakarta"

AISLE_X_M = tuple(3.2 * aisle for aisle in range(10))
CROSS_AISLE_Y_M = (0.0, 26.0)
DEPOT_X_M = 0.0

_BAYS = 24
_BAY_WIDTH_M = 2.0
_FIRST_BAY_Y_M = 2.0
_BULK_LEVEL = 3
_FORWARD_AISLE = 0


class Use(Enum):
    """What a bin is for."""

    PICK = "pick"
    BULK = "bulk"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Place:
    """One bin. Odd bays lie on the left of the aisle, even ones across from them."""

    code: str
    use: Use
    zone: str
    aisle: int
    bay: int
    level: int

    @property
    def y_m(self) -> float:
        return _FIRST_BAY_Y_M + (self.bay - 1) // 2 * _BAY_WIDTH_M


@cache
def places() -> tuple[Place, ...]:
    """Every bin, in order of its code."""
    return tuple(_place(*position) for position in sorted(_positions()))


def zone_of(aisle: int) -> str:
    """The fast movers' aisle by the packing tables, then three aisles for each department."""
    return "CEPAT" if aisle == _FORWARD_AISLE else ("ELEKTRONIK", "RUMAH", "BUSANA")[(aisle - 1) // 3]


def _positions() -> Iterator[tuple[int, int, int]]:
    """Two levels within reach at every bay, and above every third bay one for cartons."""
    for aisle in range(len(AISLE_X_M)):
        for bay in range(1, _BAYS + 1):
            levels = (1, 2, _BULK_LEVEL) if bay % 3 == 1 else (1, 2)
            for level in levels:
                yield aisle, bay, level


def _place(aisle: int, bay: int, level: int) -> Place:
    code = f"A{aisle + 1:02d}-{bay:02d}-{level}"
    return Place(code, _use(aisle, level), zone_of(aisle), aisle, bay, level)


def _use(aisle: int, level: int) -> Use:
    if level == _BULK_LEVEL:
        return Use.BULK
    return Use.FORWARD if aisle == _FORWARD_AISLE else Use.PICK
