"""Lots: which units of a SKU belong together, until when they may be sold, and which of them leave first.

A SKU that is tracked by lot is received by lot, and every entry of the ledger says of which lot its units are. Units
that lay there before the SKU was tracked have none, until they are gone. In GS1's terms a lot is AI (10), and its last
day AI (17): the last one on which it is good (GS1 General Specifications, chapter 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum
from typing import Final, NamedTuple

from lumbung_kit.failures import FieldViolation
from lumbung_stock.domain import places
from lumbung_stock.domain.inventory_failures import NotEnoughInBin
from lumbung_stock.domain.ledger import Movement, MovementKind, PlaceKey
from lumbung_stock.domain.lot_failures import (
    LotExpired,
    LotExpiryDiffers,
    LotExpiryRequired,
    LotNotFound,
    LotNotTracked,
    LotRequired,
)

LotKey = tuple[str, str]
"""(sku_code, lot_code)"""

NAMED_MAX: Final = 10
"""Lots that a refusal names."""

PLACES_SHOWN: Final = 50
"""Places that are listed of a lot; the rest is counted."""

FOR_CUSTOMERS: Final = frozenset({MovementKind.PICK, MovementKind.REPLACEMENT})
"""Movements that take units to somebody who bought them: never of an expired lot."""


class LotTracking(IntEnum):
    """What the catalog says of a SKU's lots; numbers as in the table."""

    NONE = 0
    LOT = 1
    LOT_AND_EXPIRY = 2


@dataclass(frozen=True, slots=True)
class LotUnits:
    """Units of one lot at one place, or in somebody's hands; `lot_code` is empty for those without a lot.

    `expired` says whether they may not be sold any more today, `sale_end` from which instant on they may not be.
    """

    lot_code: str
    quantity: int
    expires_on: date | None = None
    expired: bool = False
    sale_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """A lot whose mark has changed in one warehouse, and the units on hand that it concerns."""

    expired: bool
    expires_on: date | None
    units: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """The last day that was known before, and the warehouses where that it may be sold has changed."""

    before: date | None
    marks: tuple[tuple[str, Marked], ...] = ()


@dataclass(frozen=True, slots=True)
class ExpiryCorrection:
    """A lot's last day as it was and as it became, and who said so. `correction_id` ascends."""

    correction_id: int
    before: date | None
    after: date | None
    reason: str
    actor: str
    record_time: datetime


@dataclass(frozen=True, slots=True)
class ExpiringLot:
    """A lot in one warehouse that may be sold for `days_left` days more; below 0 when its last one is over.

    `place_codes` and `quantities` belong together; the first PLACES_SHOWN of `place_count`.
    """

    sku_code: str
    lot_code: str
    expires_on: date
    last_sale_day: date
    days_left: int
    quantity: int
    place_count: int
    place_codes: Sequence[str]
    quantities: Sequence[int]


class LotPlaceKey(NamedTuple):
    """Units of one lot at one place of a warehouse."""

    place_code: str
    sku_code: str
    lot_code: str


def first_expired_first(units: Iterable[LotUnits]) -> list[LotUnits]:
    """In the order in which they leave: what has no lot is older than the first lot; what never expires comes last."""
    return sorted(units, key=lambda one: (one.lot_code != "", one.expires_on or date.max, one.lot_code))


def parted(movement: Movement, there: Sequence[LotUnits]) -> list[Movement]:
    """The movement, one for each lot that it takes of what is there.

    A movement that names no lot takes the one that expires first if it may choose. Else it takes units without a lot,
    or the only lot there. Raises LotRequired, LotExpired and NotEnoughInBin.
    """
    some = first_expired_first(one for one in there if one.quantity > 0)
    if movement.lot.code:
        return [_named(movement, some)]
    bare = sum(one.quantity for one in some if not one.lot_code)
    if not any(one.lot_code for one in some) or (bare >= movement.quantity and not movement.chooses_lot):
        return [movement]
    if len(some) > 1 and not movement.chooses_lot:
        raise _required(movement, some)
    return _chosen(movement, some)


def require_arrivable(
    movements: Iterable[Movement],
    tracking: Mapping[str, LotTracking],
    known: Mapping[LotKey, date | None],
) -> list[tuple[LotKey, date | None]]:
    """What comes into the house says its lot: returns the lots that are new, with their last day.

    Raises LotNotTracked, LotRequired, LotExpiryRequired and LotExpiryDiffers; each names every field that is wrong.
    """
    coming = [
        movement
        for movement in movements
        if movement.from_place in places.OUTSIDE and movement.to_place not in places.OUTSIDE
    ]
    named = [movement for movement in coming if movement.lot.code]
    _refuse(LotNotTracked, [one for one in named if not tracking.get(one.sku_code)], "is not tracked by lot")
    bare = [one for one in coming if not one.lot.code and tracking.get(one.sku_code) and _must_say(one)]
    _refuse(LotRequired, bare, "is tracked by lot; name the lot of these units")
    new: dict[LotKey, date | None] = {}
    dateless = []
    for one in named:
        key = (one.sku_code, one.lot.code)
        if key in known:
            continue
        new[key] = new.get(key) or one.lot.expires_on
        if new[key] is None and tracking[one.sku_code] is LotTracking.LOT_AND_EXPIRY:
            dateless.append(one)
    _refuse(LotExpiryRequired, dateless, "is new: say its last day", field="expires_on", of_lot=True)
    require_one_expiry(named, {**known, **new})
    return sorted(new.items(), key=lambda item: item[0])


def require_one_expiry(movements: Iterable[Movement], known: Mapping[LotKey, date | None]) -> None:
    """A lot has one last day. Raises LotExpiryDiffers, which says the day that is known."""
    for one in movements:
        stored = known.get((one.sku_code, one.lot.code))
        if one.lot.code and one.lot.expires_on and stored != one.lot.expires_on:
            right = stored.isoformat() if stored else ""
            said = f"is known with the last day {right}" if right else "is known without a last day"
            raise LotExpiryDiffers(
                f"Lot {one.lot.code} of {one.sku_code} {said}, not {one.lot.expires_on.isoformat()}.",
                metadata={**_names(one), "expires_on": right},
                fields=[FieldViolation(f"{one.lot.line}expires_on", f"lot {one.lot.code} {said}")],
            )


def require_known(movements: Iterable[Movement], known: Mapping[LotKey, date | None]) -> None:
    """What leaves a place is of a lot that somebody has received. Raises LotNotFound."""
    for one in movements:
        if one.lot.code and (one.sku_code, one.lot.code) not in known:
            raise LotNotFound(
                f"Nobody has received lot {one.lot.code} of {one.sku_code}.",
                metadata=_names(one),
                fields=[FieldViolation(f"{one.lot.line}lot_code", f"unknown lot {one.lot.code}")],
            )


def require_correctable(
    lot: LotKey, known: Mapping[LotKey, date | None], needs_expiry: bool, day: date | None
) -> None:
    """A lot that somebody has received keeps a last day where its SKU wants one.

    Raises LotNotFound and LotExpiryRequired.
    """
    named = dict(zip(("sku_code", "lot_code"), lot, strict=True))
    if lot not in known:
        raise LotNotFound(
            f"Nobody has received lot {lot[1]} of {lot[0]}.",
            metadata=named,
            fields=[FieldViolation("lot_code", f"unknown lot {lot[1]}")],
        )
    if needs_expiry and day is None:
        raise LotExpiryRequired(
            f"Lots of {lot[0]} need a last day.",
            metadata=named,
            fields=[FieldViolation("expires_on", f"lots of {lot[0]} need a last day")],
        )


def lot_changes(movements: Iterable[Movement]) -> dict[LotPlaceKey, int]:
    """What movements do to the lots at places in the house, in their order."""
    differences: dict[LotPlaceKey, int] = {}
    for movement in movements:
        if not movement.lot.code:
            continue
        for place, sign in ((movement.from_place, -1), (movement.to_place, 1)):
            if place not in places.OUTSIDE:
                key = LotPlaceKey(place, movement.sku_code, movement.lot.code)
                differences[key] = differences.get(key, 0) + sign * movement.quantity
    return dict(sorted(differences.items()))


def expired_difference(movement: Movement) -> int:
    """How many more units are counted as expired afterwards, when the movement's lot is."""
    counted = movement.to_place not in places.NEVER_EXPIRED, movement.from_place not in places.NEVER_EXPIRED
    return movement.quantity * (counted[0] - counted[1])


def without(there: Sequence[LotUnits], taken: Iterable[Movement]) -> list[LotUnits]:
    """What is left of units when movements have taken theirs."""
    left = {one.lot_code: one for one in there}
    for movement in taken:
        one = left.get(movement.lot.code)
        if one is not None:
            left[one.lot_code] = replace(one, quantity=one.quantity - movement.quantity)
    return list(left.values())


def lots_at(quantity: int, lots: Sequence[LotUnits]) -> list[LotUnits]:
    """What a place holds in all: its lots, and what has none."""
    return [*lots, LotUnits("", quantity - sum(one.quantity for one in lots))]


def place_of(movement: Movement) -> PlaceKey:
    """Where the movement takes its units from."""
    return movement.from_place, movement.sku_code


def _named(movement: Movement, some: Sequence[LotUnits]) -> Movement:
    if movement.from_place in places.OUTSIDE:
        return movement
    there = next((one for one in some if one.lot_code == movement.lot.code), LotUnits("", 0))
    if there.expired and movement.kind in FOR_CUSTOMERS:
        raise _expired(movement, movement.lot.code, some)
    if there.quantity < movement.quantity:
        raise _not_enough(movement, there.quantity, movement.lot.code)
    return movement


def _chosen(movement: Movement, some: Sequence[LotUnits]) -> list[Movement]:
    good = [one for one in some if not (one.expired and movement.kind in FOR_CUSTOMERS)]
    if movement.kind is MovementKind.SHORT_PICK:
        good.sort(
            key=lambda one: one.expired
        )  # nobody was sent for what has expired, so that is not what was missed
    if not good:
        raise _expired(movement, some[0].lot_code, some)
    parts, left = [], movement.quantity
    for one in good:
        units = min(left, one.quantity)
        if units:
            parts.append(of_lot(movement, one.lot_code, units))
            left -= units
    if left and movement.from_place not in places.OUTSIDE:
        raise _not_enough(movement, movement.quantity - left)
    return [*parts, replace(movement, quantity=left)] if left else parts


def of_lot(movement: Movement, lot_code: str, quantity: int) -> Movement:
    """As much of the movement as is of one lot."""
    return replace(movement, quantity=quantity, lot=replace(movement.lot, code=lot_code, expires_on=None))


def _must_say(movement: Movement) -> bool:
    """Goods that a count finds, and that come back as they went, may be without a lot."""
    return not (
        movement.kind is MovementKind.COUNT or movement.from_place in {places.CUSTOMER, places.TRANSIT}
    )


def _required(movement: Movement, some: Sequence[LotUnits]) -> LotRequired:
    lots = ",".join(one.lot_code for one in some if one.lot_code)
    return LotRequired(
        f"{movement.from_place} holds several lots of {movement.sku_code}; say which.",
        metadata={"sku_code": movement.sku_code, "bin_code": movement.from_place, "lot_codes": _few(lots)},
        fields=[FieldViolation(f"{movement.lot.line}lot_code", f"must be one of {_few(lots)}")],
    )


def _expired(movement: Movement, lot_code: str, some: Sequence[LotUnits]) -> LotExpired:
    right = next((one.lot_code for one in some if one.lot_code and not one.expired), "")
    instead = f"; take lot {right}" if right else ""
    return LotExpired(
        f"Lot {lot_code} of {movement.sku_code} may not be sold any more{instead}.",
        metadata={
            "sku_code": movement.sku_code,
            "lot_code": lot_code,
            "bin_code": movement.from_place,
            "right_lot_code": right,
        },
        fields=[FieldViolation(f"{movement.lot.line}lot_code", f"lot {lot_code} has expired{instead}")],
    )


def _not_enough(movement: Movement, there: int, lot_code: str = "") -> NotEnoughInBin:
    what = f"lot {lot_code} of {movement.sku_code}" if lot_code else f"{movement.sku_code} that may be sold"
    return NotEnoughInBin(
        f"{movement.from_place} holds {there} of {what}, fewer than the {movement.quantity} that are to leave it.",
        metadata={
            "bin_code": movement.from_place,
            "sku_code": movement.sku_code,
            "lot_code": lot_code,
            "asked_quantity": str(movement.quantity),
            "available_quantity": str(there),
        },
    )


def _refuse(
    failure: type[LotRequired | LotNotTracked | LotExpiryRequired],
    wrong: Sequence[Movement],
    text: str,
    *,
    field: str = "lot_code",
    of_lot: bool = False,
) -> None:
    if not wrong:
        return

    def what(one: Movement) -> str:
        return f"lot {one.lot.code} of {one.sku_code} {text}" if of_lot else f"{one.sku_code} {text}"

    raise failure(
        f"{what(wrong[0])}.",
        metadata=_names(wrong[0]),
        fields=[FieldViolation(f"{one.lot.line}{field}", what(one)) for one in wrong],
    )


def _names(movement: Movement) -> dict[str, str]:
    return {"sku_code": movement.sku_code, "lot_code": movement.lot.code}


def _few(codes: str) -> str:
    return ",".join(codes.split(",")[:NAMED_MAX])
