"""Double entry between places: what a movement does to the places it touches, and to what is on hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from uuid import UUID

from lumbung_stock.domain import places
from lumbung_stock.domain.inventory_failures import NotEnoughInBin
from lumbung_stock.domain.levels import LevelChange

PlaceKey = tuple[str, str]
"""(place_code, sku_code) within one warehouse: places are locked in this order."""


class MovementKind(IntEnum):
    """Why stock moved; numbers as in the contract and the table."""

    RECEIPT = 1
    MOVE = 2
    PICK = 3
    PUT_BACK = 4
    SALE = 5
    RETURN = 6
    ADJUSTMENT = 7
    SHORT_PICK = 8
    SCRAP = 9
    TRANSFER = 10
    REPLACEMENT = 11
    COUNT = 12
    PUTAWAY = 13
    QUARANTINE = 14


@dataclass(frozen=True, slots=True)
class LotName:
    """A lot as a request names it; `line` is where in the request, such as `lines[0].`. Empty: it names none."""

    code: str = ""
    expires_on: date | None = None
    line: str = ""


NO_LOT = LotName()


@dataclass(frozen=True, slots=True)
class Movement:
    """Units of one SKU that leave one place of a warehouse for another.

    `chooses_lot`: who does not name a lot takes the one that expires first.
    """

    kind: MovementKind
    sku_code: str
    quantity: int
    from_place: str
    to_place: str
    reason: str = ""
    document: str = ""
    reservation_id: UUID | None = None
    lot: LotName = NO_LOT
    chooses_lot: bool = False

    def on_hand_difference(self) -> int:
        """How many more units can be sold afterwards."""
        return self.quantity * (places.is_on_hand(self.to_place) - places.is_on_hand(self.from_place))


@dataclass(frozen=True, slots=True)
class Goods:
    """Units of one SKU that are taken from, or put into, one bin."""

    warehouse_code: str
    sku_code: str
    bin_code: str
    quantity: int
    lot: LotName = NO_LOT


@dataclass(frozen=True, slots=True)
class Author:
    """Who moves goods, and by which request."""

    actor: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Booking:
    """Movements within one warehouse that happen together or not at all.

    `effective_time` is when they happened; None means when they are written.
    """

    warehouse_code: str
    movements: tuple[Movement, ...]
    author: Author
    effective_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A movement as written: the `sequence` ascends by one within its warehouse."""

    warehouse_code: str
    sequence: int
    sku_code: str
    quantity: int
    from_place: str
    to_place: str
    kind: MovementKind
    reason: str
    document: str
    reservation_id: UUID | None
    actor: str
    request_id: str
    record_time: datetime
    effective_time: datetime
    lot_code: str = ""


def level_changes(warehouse_code: str, movements: Iterable[Movement]) -> list[LevelChange]:
    """What movements do to what is on hand; those within the house do nothing to it."""
    return [
        LevelChange(warehouse_code, movement.sku_code, on_hand=difference)
        for movement in movements
        if (difference := movement.on_hand_difference())
    ]


def place_changes(movements: Iterable[Movement]) -> dict[PlaceKey, int]:
    """What movements do to places in the house, in lock order. A place's difference may come out as 0."""
    differences: dict[PlaceKey, int] = {}
    for movement in movements:
        for place, sign in ((movement.from_place, -1), (movement.to_place, 1)):
            if place not in places.OUTSIDE:
                key = place, movement.sku_code
                differences[key] = differences.get(key, 0) + sign * movement.quantity
    return dict(sorted(differences.items()))


def require_stock(stored: Mapping[PlaceKey, int], movements: Sequence[Movement]) -> None:
    """Refuses movements that would take more out of a place than it holds once all of them are done."""
    for (place, sku_code), difference in place_changes(movements).items():
        there = stored.get((place, sku_code), 0)
        if there + difference < 0:
            raise not_enough(place, sku_code, asked=-difference, there=there)


def not_enough(place_code: str, sku_code: str, *, asked: int, there: int) -> NotEnoughInBin:
    """Says what was asked and what is there."""
    return NotEnoughInBin(
        f"{place_code} holds {there} of {sku_code}, fewer than the {asked} that are to leave it.",
        metadata={
            "bin_code": place_code,
            "sku_code": sku_code,
            "asked_quantity": str(asked),
            "available_quantity": str(there),
        },
    )
