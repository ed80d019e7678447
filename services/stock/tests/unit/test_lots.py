"""Lots: which units a movement takes, and what must be said of those that come in."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_kit.failures import Failure
from lumbung_stock.domain import places
from lumbung_stock.domain.inventory_failures import NotEnoughInBin
from lumbung_stock.domain.ledger import NO_LOT, LotName, Movement, MovementKind
from lumbung_stock.domain.lot_failures import LotExpired, LotExpiryDiffers, LotRequired
from lumbung_stock.domain.lots import (
    LotTracking,
    LotUnits,
    expired_difference,
    first_expired_first,
    lot_changes,
    parted,
    require_arrivable,
    without,
)

TODAY = date(2027, 3, 31)
BIN = "A-01"

LOTS = st.lists(
    st.builds(
        LotUnits,
        st.sampled_from(["", "A", "B", "C", "D"]),
        st.integers(0, 5),
        st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days)),
        st.booleans(),
    ),
    unique_by=lambda one: one.lot_code,
    max_size=5,
)


def taking(
    quantity: int, lot: LotName = NO_LOT, kind: MovementKind = MovementKind.PICK, *, chooses: bool = True
) -> Movement:
    return Movement(kind, "MILK", quantity, BIN, places.PACKING, lot=lot, chooses_lot=chooses)


@given(LOTS, st.integers(1, 8))
def test_a_pick_takes_the_lots_that_expire_first_and_none_that_has_expired(
    there: list[LotUnits], quantity: int
) -> None:
    good = [one for one in first_expired_first(there) if one.quantity and not one.expired]
    lotted = any(one.lot_code and one.quantity for one in there)
    try:
        parts = parted(taking(quantity), there)
    except (NotEnoughInBin, LotExpired):
        assert sum(one.quantity for one in good) < quantity
        return
    assert sum(part.quantity for part in parts) == quantity
    if lotted:
        taken = Counter({part.lot.code: part.quantity for part in parts})
        whole = [one for one in good if taken[one.lot_code] == one.quantity]
        assert good[: len(whole)] == whole
        assert set(taken) <= {one.lot_code for one in good[: len(whole) + 1]}
        assert all(one.quantity >= 0 for one in without(there, parts))


@given(LOTS)
def test_units_without_a_lot_leave_first_and_those_that_never_expire_last(there: list[LotUnits]) -> None:
    order = first_expired_first(there)
    days = [one.expires_on or date.max for one in order if one.lot_code]
    assert days == sorted(days)
    assert not any(one.lot_code == "" for one in order[1:])


@given(LOTS, st.integers(1, 8), st.booleans())
def test_what_leaves_a_place_is_what_its_lots_lose(
    there: list[LotUnits], quantity: int, chooses: bool
) -> None:
    movement = taking(quantity, kind=MovementKind.MOVE, chooses=chooses)
    try:
        parts = parted(movement, there)
    except Failure:
        return
    lost = {key.lot_code: units for key, units in lot_changes(parts).items() if key.place_code == BIN}
    left = {one.lot_code: one.quantity for one in without(there, parts)}
    for one in there:
        if one.lot_code:
            assert left[one.lot_code] == one.quantity + lost.get(one.lot_code, 0)


def test_units_without_a_lot_are_what_an_empty_lot_means() -> None:
    there = [LotUnits("A", 3), LotUnits("", 2)]
    assert parted(taking(2, kind=MovementKind.SCRAP, chooses=False), there)[0].lot.code == ""
    with pytest.raises(LotRequired):
        parted(taking(3, kind=MovementKind.SCRAP, chooses=False), there)


def test_an_expired_lot_can_be_thrown_away_but_not_picked() -> None:
    there = [LotUnits("A", 3, TODAY, expired=True)]
    assert parted(taking(3, LotName("A"), MovementKind.SCRAP, chooses=False), there)
    with pytest.raises(LotExpired):
        parted(taking(1, LotName("A")), there)
    with pytest.raises(LotExpired):
        parted(taking(1), there)


def test_what_a_picker_missed_is_what_a_picker_was_sent_for() -> None:
    there = [LotUnits("OLD", 3, TODAY, expired=True), LotUnits("NEW", 3, TODAY + timedelta(days=9))]
    (part,) = parted(taking(2, kind=MovementKind.SHORT_PICK), there)
    assert part.lot.code == "NEW"


def test_two_lines_of_one_receipt_cannot_say_two_days_of_one_lot() -> None:
    coming = [
        Movement(
            MovementKind.RECEIPT,
            "MILK",
            1,
            places.SUPPLIER,
            BIN,
            lot=LotName("A", TODAY + timedelta(days=days), f"lines[{days}]."),
        )
        for days in range(2)
    ]
    with pytest.raises(LotExpiryDiffers) as caught:
        require_arrivable(coming, {"MILK": LotTracking.LOT}, {})
    assert [one.field for one in caught.value.fields] == ["lines[1].expires_on"]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (places.SUPPLIER, BIN, 2),
        (places.SUPPLIER, places.QUARANTINE, 0),
        (BIN, places.QUARANTINE, -2),
        (BIN, places.PACKING, -2),
        (places.PACKING, BIN, 2),
        (places.PACKING, places.CUSTOMER, 0),
        (BIN, "A-02", 0),
        (places.RECEIVING, BIN, 0),
    ],
)
def test_expired_units_count_in_bins_and_receiving(source: str, target: str, expected: int) -> None:
    assert expired_difference(Movement(MovementKind.MOVE, "MILK", 2, source, target)) == expected
