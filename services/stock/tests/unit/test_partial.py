"""What a partial confirm sells and what goes back: never more than was held, to the unit, bundles whole."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lumbung_stock.domain.answers import decided
from lumbung_stock.domain.carts import demand_of
from lumbung_stock.domain.partial import part_of
from lumbung_stock.domain.reservation_failures import MoreThanHeld
from lumbung_stock.domain.reservations import Draw, Reservation
from lumbung_stock.domain.sourcing import fewest, fill, parts_of

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BUNDLES = {"SET": {"CUP": 2, "TEA": 1}, "BOX": {"TEA": 3}}
SKUS = ("CUP", "TEA", "SET", "BOX")


def held(make_cart: MakeCart, lines: list[tuple[str, int]]) -> Reservation:
    """A hold whose units come from one warehouse."""
    cart = make_cart(lines, bundles=BUNDLES)
    draws = tuple(Draw("JKT1", sku, units, from_escrow=False) for sku, units in sorted(cart.demand().items()))
    return decided(cart, draws, (NOW, NOW))


def units(draws: tuple[Draw, ...]) -> Counter[str]:
    """Units by SKU."""
    total = Counter[str]()
    for draw in draws:
        total[draw.sku_code] += draw.quantity
    return total


def test_a_bundle_is_sold_whole(make_cart: MakeCart) -> None:
    hold = held(make_cart, [("SET", 3), ("TEA", 1)])
    part = part_of(hold, [("SET", 2)])
    assert [(line.sku_code, line.quantity) for line in part.lines] == [("SET", 2)]
    assert (units(part.kept), units(part.given_back)) == ({"CUP": 4, "TEA": 2}, {"CUP": 2, "TEA": 2})


def test_a_bundles_component_is_not_a_line_of_its_own(make_cart: MakeCart) -> None:
    with pytest.raises(MoreThanHeld):
        part_of(held(make_cart, [("SET", 3)]), [("CUP", 1)])


def test_the_same_line_twice_is_sold_in_the_order_in_which_it_was_held(make_cart: MakeCart) -> None:
    hold = held(make_cart, [("CUP", 2), ("TEA", 1), ("CUP", 2)])
    part = part_of(hold, [("CUP", 1), ("CUP", 2)])
    assert [(line.sku_code, line.quantity) for line in part.lines] == [("CUP", 2), ("CUP", 1)]


LINES = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 5)), min_size=1, max_size=6)


@settings(deadline=None)
@given(LINES, LINES)
def test_what_is_sold_and_what_goes_back_are_what_was_held(
    make_cart: MakeCart, lines: list[tuple[str, int]], wanted: list[tuple[str, int]]
) -> None:
    hold = held(make_cart, lines)
    has, wants = Counter[str](), Counter[str]()
    for sku, quantity in lines:
        has[sku] += quantity
    for sku, quantity in wanted:
        wants[sku] += quantity
    if not wants <= has:
        with pytest.raises(MoreThanHeld):
            part_of(hold, wanted)
        return
    part = part_of(hold, wanted)
    sold = Counter[str]()
    for line in part.lines:
        sold[line.sku_code] += line.quantity
    assert sold == wants
    assert units(part.kept) == Counter(demand_of(part.lines))
    assert units(part.kept) + units(part.given_back) == units(hold.draws)


def test_more_than_is_held_is_refused_with_both_figures(make_cart: MakeCart) -> None:
    with pytest.raises(MoreThanHeld, match=r"^2 of CUP are held, not 3\.$") as refused:
        part_of(held(make_cart, [("CUP", 2)]), [("CUP", 3)])
    assert refused.value.metadata == {"sku_code": "CUP", "asked_quantity": "3", "held_quantity": "2"}


def test_of_a_sales_bundle_that_lies_apart_whichever_units_come_first_stay(make_cart: MakeCart) -> None:
    """No warehouse has a whole bundle, so that no plan keeps one together."""
    drawn = (("W1", "CUP", 2), ("W2", "CUP", 2), ("W3", "BOWL", 1), ("W3", "TEA", 2), ("W4", "BOWL", 1))
    cart = make_cart([("SET", 2), ("BOWL", 2)], bundles=BUNDLES)
    hold = decided(cart, tuple(Draw(*each, from_escrow=True) for each in drawn), (NOW, NOW))
    for wanted, kept in ((1, [2, 1]), (2, [2, 2, 2])):
        part = part_of(hold, [("SET", wanted)])
        assert [draw.quantity for draw in part.kept] == kept
        assert units(part.kept) + units(part.given_back) == units(hold.draws)
        assert {draw.sku_code for draw in part.kept} == {"CUP", "TEA"}


WAREHOUSES = ("W1", "W2", "W3")
FREE = st.dictionaries(
    st.tuples(st.sampled_from(WAREHOUSES), st.sampled_from(["CUP", "TEA"])), st.integers(1, 12), min_size=3
)


@settings(deadline=None)
@given(LINES, FREE, st.data())
def test_of_a_split_hold_bundles_stay_together_and_few_warehouses_send(
    make_cart: MakeCart, lines: list[tuple[str, int]], free: dict[tuple[str, str], int], data: st.DataObject
) -> None:
    cart = make_cart(lines, bundles=BUNDLES)
    plan = fill(parts_of(cart.lines), free, WAREHOUSES)
    assume(plan.is_whole)
    draws = tuple(Draw(*key, quantity, from_escrow=False) for key, quantity in sorted(plan.units.items()))
    wanted = [(sku, data.draw(st.integers(0, quantity))) for sku, quantity in lines]
    assume(any(quantity for _, quantity in wanted))
    part = part_of(decided(cart, draws, (NOW, NOW)), [pair for pair in wanted if pair[1]])
    drawn = {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in draws}
    kept = {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in part.kept}
    back = {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in part.given_back}
    assert Counter(kept) + Counter(back) == Counter(drawn)
    parts = parts_of(part.lines)
    assert fill(parts, kept, WAREHOUSES).is_whole
    assert {code for code, _ in kept} == {code for code, _ in fewest(parts, drawn, WAREHOUSES).units}
