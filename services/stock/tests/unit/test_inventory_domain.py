"""Rules of moving goods, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from lumbung_stock.domain import places
from lumbung_stock.domain.inventory_failures import (
    BinNotFound,
    MoreThanPicked,
    MoreThanReserved,
    MoreThanShipped,
    NotEnoughInBin,
    NotPicked,
    NotShipped,
    SkuIsBundle,
    SkuNotFound,
)
from lumbung_stock.domain.ledger import (
    Goods,
    Movement,
    MovementKind,
    level_changes,
    place_changes,
    require_stock,
)
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.picking import (
    ReturnCondition,
    place_of_return,
    require_pickable,
    require_picked,
    require_shippable,
    spread_return,
)
from lumbung_stock.domain.places import Bin, BinKind, Warehouse, is_reserved, misplaced, require_bins
from lumbung_stock.domain.reservation_failures import NotConfirmed, NothingToShip
from lumbung_stock.domain.reservations import Draw, Durability, Reservation, ReservationState
from lumbung_stock.domain.skus import Named, SkuRecord, require_plain

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def movement(source: str, target: str, units: int = 2, sku: str = "CUP") -> Movement:
    return Movement(MovementKind.MOVE, sku, units, source, target)


def goods(units: int, sku: str = "CUP", warehouse: str = "W1") -> Goods:
    return Goods(warehouse, sku, "A-01", units)


def reservation(*draws: Draw, state: ReservationState = ReservationState.CONFIRMED) -> Reservation:
    return Reservation(
        reservation_id=UUID(int=1),
        request_id="r",
        content_hash=b"",
        state=state,
        lines=(),
        channel_code="web",
        customer_reference="",
        flash_sale_code=None,
        durability=Durability.DURABLE,
        deadline=NOW,
        create_time=NOW,
        resolve_time=None,
        order=None,
        refusal=None,
        actor="test",
        traceparent="",
        draws=draws,
    )


def draw(
    units: int, warehouse: str = "W1", *, picked: int = 0, returned: int = 0, shipped: bool = False
) -> Draw:
    return Draw(warehouse, "CUP", units, False, picked, returned, shipped)


@pytest.mark.parametrize(
    ("source", "target", "difference"),
    [
        (places.SUPPLIER, "A-01", 2),
        ("A-01", "B-01", 0),
        ("A-01", places.PACKING, 0),
        (places.PACKING, "A-01", 0),
        (places.PACKING, places.CUSTOMER, -2),
        (places.CUSTOMER, "A-01", 2),
        (places.CUSTOMER, places.QUARANTINE, 0),
        (places.CUSTOMER, places.SCRAP, 0),
        ("A-01", places.ADJUSTMENT, -2),
        (places.ADJUSTMENT, "A-01", 2),
        ("A-01", places.SCRAP, -2),
        ("A-01", places.QUARANTINE, -2),
        (places.QUARANTINE, "A-01", 2),
        (places.TRANSIT, places.RECEIVING, 2),
    ],
)
def test_on_hand_follows_from_the_two_places(source: str, target: str, difference: int) -> None:
    moved = movement(source, target)
    assert moved.on_hand_difference() == difference
    expected = [LevelChange("W1", "CUP", on_hand=difference)] if difference else []
    assert level_changes("W1", [moved]) == expected


def test_places_outside_the_house_have_no_figure() -> None:
    assert place_changes([movement(places.SUPPLIER, "A-01")]) == {("A-01", "CUP"): 2}
    assert place_changes([movement(places.PACKING, places.CUSTOMER)]) == {(places.PACKING, "CUP"): -2}


def test_movements_of_one_booking_are_summed_in_lock_order() -> None:
    moved = [movement("B-01", "A-01", 3), movement("A-01", "C-01", 2), movement("A-01", "C-01", 1, "BOX")]
    assert list(place_changes(moved).items()) == [
        (("A-01", "BOX"), -1),
        (("A-01", "CUP"), 1),
        (("B-01", "CUP"), -3),
        (("C-01", "BOX"), 1),
        (("C-01", "CUP"), 2),
    ]


def test_a_place_may_be_emptied_and_no_more() -> None:
    require_stock({("A-01", "CUP"): 2}, [movement("A-01", "B-01", 2)])
    with pytest.raises(NotEnoughInBin) as caught:
        require_stock({("A-01", "CUP"): 2}, [movement("A-01", "B-01", 1), movement("A-01", "C-01", 2)])
    assert caught.value.metadata["asked_quantity"] == "3"
    assert caught.value.metadata["available_quantity"] == "2"


def test_goods_may_pass_through_a_place_within_one_booking() -> None:
    require_stock({}, [movement(places.SUPPLIER, "A-01", 2), movement("A-01", "B-01", 2)])


def test_every_named_place_is_taken_in_any_letter_case() -> None:
    for name in ("PACKING", "packing", "Quarantine", "SUPPLIER", "transit", "RECEIVING"):
        assert is_reserved(name)
    assert not is_reserved("PACKING-1")


def test_bins_lie_on_an_aisle_between_the_outer_cross_aisles() -> None:
    layout = Warehouse("W1", "W", "Asia/Jakarta", 1, (0.0, 3.0), (0.0, 5.0, 10.0), 0.0)

    def at(aisle: int, y_m: float) -> Bin:
        return Bin("A", BinKind.PICK, "", aisle, y_m, 0, 1)

    assert misplaced(layout, [at(0, 0.0), at(1, 10.0)]) == []
    wrong = misplaced(layout, [at(0, 5.0), at(2, 10.5)])
    assert [each.field for each in wrong] == ["bins[1].aisle_index", "bins[1].y_m"]


def test_unknown_codes_and_bundles_are_named_field_by_field() -> None:
    cup = SkuRecord("CUP", "Cup", False, True, (), 0)
    a_set = SkuRecord("SET", "Set", True, True, (("CUP", 2),), 1)
    known = {"CUP": cup, "SET": a_set}
    require_plain(known, [Named("lines[0].sku_code", "CUP")])
    named = [
        Named("lines[0].sku_code", "SET"),
        Named("lines[1].sku_code", "X"),
        Named("lines[2].sku_code", "Y"),
    ]
    with pytest.raises(SkuNotFound) as unknown:
        require_plain(known, named)
    assert [each.field for each in unknown.value.fields] == ["lines[1].sku_code", "lines[2].sku_code"]
    with pytest.raises(SkuIsBundle) as bundle:
        require_plain(known, named[:1])
    assert bundle.value.metadata == {"sku_code": "SET"}
    with pytest.raises(BinNotFound) as missing:
        require_bins({"A-01"}, [Named("from_bin_code", "A-01"), Named("to_bin_code", "Z")])
    assert [each.field for each in missing.value.fields] == ["to_bin_code"]


def test_each_unit_of_a_sale_is_picked_once_where_it_was_reserved() -> None:
    sale = reservation(draw(3, picked=1), draw(5, "W2"))
    require_pickable(sale, goods(2))
    for wrong in (goods(3), goods(1, "BOX"), goods(6, warehouse="W2"), goods(1, warehouse="W3")):
        with pytest.raises(MoreThanReserved):
            require_pickable(sale, wrong)


@pytest.mark.parametrize(
    "state", [state for state in ReservationState if state is not ReservationState.CONFIRMED]
)
def test_nothing_but_a_confirmed_sale_is_picked_or_shipped(state: ReservationState) -> None:
    sale = reservation(draw(1, picked=1), state=state)
    for refused in (lambda: require_pickable(sale, goods(1)), lambda: require_shippable(sale, "")):
        with pytest.raises(NotConfirmed) as caught:
            refused()
        assert caught.value.metadata == {"state": state.name}


def test_what_is_in_packing_may_go_back_until_it_has_left() -> None:
    for state in (ReservationState.CONFIRMED, ReservationState.CANCELLED):
        sale = reservation(draw(3, picked=2), state=state)
        require_picked(sale, goods(2))
        with pytest.raises(MoreThanPicked):
            require_picked(sale, goods(3))
    with pytest.raises(MoreThanPicked):
        require_picked(reservation(draw(3, picked=3, shipped=True), draw(3, "W2")), goods(1))


def test_a_share_leaves_as_a_whole() -> None:
    sale = reservation(draw(3, picked=3), draw(2, "W2", picked=1))
    require_shippable(sale, "W1")
    for warehouse_code in ("W2", ""):
        with pytest.raises(NotPicked) as caught:
            require_shippable(sale, warehouse_code)
        assert caught.value.metadata == {"warehouse_code": "W2", "sku_code": "CUP", "missing_quantity": "1"}
    require_shippable(reservation(draw(3, picked=3), draw(2, "W2", picked=2)), "")


def test_a_share_leaves_once_and_only_where_there_is_one() -> None:
    sale = reservation(draw(3, picked=3, shipped=True), draw(2, "W2", picked=2))
    require_shippable(sale, "")
    for warehouse_code in ("W1", "W3"):
        with pytest.raises(NothingToShip) as caught:
            require_shippable(sale, warehouse_code)
        assert caught.value.metadata == {"warehouse_code": warehouse_code}


def test_what_has_left_may_come_back_before_the_rest_leaves() -> None:
    sale = reservation(draw(3, picked=3, shipped=True), draw(2, "W2", picked=2))
    assert spread_return(sale, goods(3)) == [(sale.draws[0], 3)]
    with pytest.raises(MoreThanShipped):
        spread_return(sale, goods(4))


def test_a_return_is_spread_over_what_was_shipped_whichever_warehouse_takes_it() -> None:
    first, second = draw(3, returned=2, shipped=True), draw(2, "W2", shipped=True)
    sale = reservation(first, second, state=ReservationState.SHIPPED)
    assert spread_return(sale, goods(1, warehouse="W9")) == [(first, 1)]
    assert spread_return(sale, goods(3)) == [(first, 1), (second, 2)]
    with pytest.raises(MoreThanShipped):
        spread_return(sale, goods(4))
    with pytest.raises(MoreThanShipped):
        spread_return(sale, goods(1, "BOX"))
    with pytest.raises(NotShipped):
        spread_return(reservation(draw(3)), goods(1))


def test_only_goods_to_be_sold_again_go_into_a_bin() -> None:
    assert place_of_return(ReturnCondition.RESTOCK, "A-01") == "A-01"
    assert place_of_return(ReturnCondition.QUARANTINE, "") == places.QUARANTINE
    assert place_of_return(ReturnCondition.SCRAP, "") == places.SCRAP
