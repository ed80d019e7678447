"""Where goods can be: bins of a warehouse with aisles, and the places that every warehouse has besides."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

from lumbung_kit.failures import FieldViolation
from lumbung_stock.domain.geography import GeoPoint
from lumbung_stock.domain.inventory_failures import BinNotFound
from lumbung_stock.domain.skus import Named

SUPPLIER = "SUPPLIER"
CUSTOMER = "CUSTOMER"
ADJUSTMENT = "ADJUSTMENT"
SCRAP = "SCRAP"
TRANSIT = "TRANSIT"
RECEIVING = "RECEIVING"
PACKING = "PACKING"
QUARANTINE = "QUARANTINE"

OUTSIDE = frozenset({SUPPLIER, CUSTOMER, ADJUSTMENT, SCRAP, TRANSIT})
"""Not in the house: no figure is kept of them, so nothing bounds what leaves them."""

NOT_ON_HAND = OUTSIDE | {QUARANTINE}
"""Units in these places cannot be sold."""

ARRIVAL = frozenset({RECEIVING, QUARANTINE})
"""Where goods that arrive may be put besides bins: they wait for putaway, or they are set apart."""

IN_THE_HOUSE = frozenset({RECEIVING, PACKING, QUARANTINE})
"""Places of every warehouse of which figures are kept as of bins."""

NEVER_EXPIRED = NOT_ON_HAND | {PACKING}
"""Units in these places are not counted as expired: they are not on hand, or were good when they were picked."""

RESERVED = NOT_ON_HAND | {RECEIVING, PACKING}
"""Names that no bin may have."""


class BinKind(IntEnum):
    """What a bin is for; numbers as in the contract and the table."""

    PICK = 1
    BULK = 2
    FORWARD = 3


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A building: picking aisles are the lines x = aisle_x_m[j], cross-aisles y = cross_aisle_y_m[k]."""

    warehouse_code: str
    name: str
    time_zone: str
    priority: int
    aisle_x_m: tuple[float, ...]
    cross_aisle_y_m: tuple[float, ...]
    depot_x_m: float
    location: GeoPoint | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """A place for goods on one aisle, `y_m` along it."""

    bin_code: str
    kind: BinKind
    zone: str
    aisle_index: int
    y_m: float
    bay: int
    level: int
    capacity_units: int = 0
    """Room for so many; 0 when nobody has said."""


@dataclass(frozen=True, slots=True)
class PlaceStock:
    """Units of one SKU at one place of a warehouse."""

    place_code: str
    sku_code: str
    quantity: int
    has_lots: bool = False


@dataclass(frozen=True, slots=True)
class LockedPlace:
    """What a locked place holds of a SKU, whether a lot ever lay there, and what the catalog says of the SKU's lots."""

    quantity: int
    has_lots: bool = False
    lot_tracking: int = 0


@dataclass(frozen=True, slots=True)
class PlaceQuantity:
    """Units of one SKU at one place of any warehouse."""

    warehouse_code: str
    place_code: str
    quantity: int


def is_on_hand(place_code: str) -> bool:
    """Whether units there count as on hand: in a bin, in receiving or in packing."""
    return place_code not in NOT_ON_HAND


def is_reserved(bin_code: str) -> bool:
    """Whether a bin's code would be taken for one of the named places, by a person or by us."""
    return bin_code.upper() in RESERVED


def misplaced(layout: Warehouse, bins: Sequence[Bin]) -> list[FieldViolation]:
    """What is wrong with bins' positions: each lies on an aisle, between the outer cross-aisles."""
    wrong = []
    aisles, front, back = len(layout.aisle_x_m), layout.cross_aisle_y_m[0], layout.cross_aisle_y_m[-1]
    for index, one in enumerate(bins):
        if one.aisle_index >= aisles:
            text = f"must be below {aisles}, the number of aisles, not {one.aisle_index}"
            wrong.append(FieldViolation(f"bins[{index}].aisle_index", text))
        if not front <= one.y_m <= back:
            text = f"must be between the outer cross-aisles, {front:g} and {back:g}, not {one.y_m:g}"
            wrong.append(FieldViolation(f"bins[{index}].y_m", text))
    return wrong


def require_bins(known: Collection[str], named: Sequence[Named]) -> None:
    """Refuses codes that are no bin of the warehouse; names every field that is wrong."""
    unknown = [one for one in named if one.code not in known]
    if unknown:
        raise BinNotFound(
            f"The warehouse has no bin {unknown[0].code}.",
            metadata={"bin_code": unknown[0].code},
            fields=[FieldViolation(one.field, f"unknown bin {one.code}") for one in unknown],
        )
