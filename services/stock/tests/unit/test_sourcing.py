"""Which warehouses give a cart its units: whole plans or none, never more than there is, bundles together (P1, P5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations, product
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_stock.domain.allocate import Allocator
from lumbung_stock.domain.geography import EARTH_RADIUS_KM, GeoPoint, by_distance, distance_km
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.domain.reservations import Line, Refusal, RefusedLine
from lumbung_stock.domain.sourcing import (
    EXACT_WAREHOUSES_MAX,
    Part,
    Plan,
    Sourcing,
    SourcingPolicy,
    fewest,
    fill,
    parts_of,
    refused_lines,
)

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart

WAREHOUSES = ("W1", "W2", "W3")
SKUS = ("A", "B", "C", "D")
BUNDLES = {"AB": {"A": 1, "B": 1}, "BC": {"B": 2, "C": 1}, "D3": {"D": 3}, "AD": {"A": 1, "D": 1}}


def line(sku_code: str, units: int) -> Line:
    """A line with its recipe."""
    recipe = BUNDLES.get(sku_code, {sku_code: 1})
    return Line(sku_code, units, tuple(sorted(recipe.items())))


def demand(parts: tuple[Part, ...]) -> Counter[str]:
    """Units by SKU."""
    total = Counter[str]()
    for part in parts:
        for sku_code, per_piece in part.components:
            total[sku_code] += part.quantity * per_piece
    return total


def put_together(parts: tuple[Part, ...], free: dict[LevelKey, int], warehouses: tuple[str, ...]) -> bool:
    """Whether these warehouses can give all parts, found by trying every way to spread the bundles' pieces."""
    pieces = [part for part in parts if len(part.components) > 1 or part.components[0][1] > 1]
    plain = [part for part in parts if part not in pieces]
    spread = [part for part in pieces for _ in range(part.quantity)]
    for choice in product(warehouses, repeat=len(spread)):
        left = Counter({key: max(0, units) for key, units in free.items() if key[0] in warehouses})
        for part, warehouse in zip(spread, choice, strict=True):
            for sku_code, per_piece in part.components:
                left[warehouse, sku_code] -= per_piece
        sums = Counter[str]()
        for (_, sku_code), units in left.items():
            sums[sku_code] += units
        if min(left.values(), default=0) >= 0 and all(
            sums[part.components[0][0]] >= part.quantity for part in plain
        ):
            return True
    return False


def require_sound(parts: tuple[Part, ...], free: dict[LevelKey, int], plan: Plan) -> None:
    """Never more than there is; just the demand when it is whole."""
    assert all(0 < units <= free[key] for key, units in plan.units.items())
    given_units = Counter[str]()
    for (_, sku_code), units in plan.units.items():
        given_units[sku_code] += units
    assert given_units <= demand(parts)
    if plan.is_whole:
        assert given_units == demand(parts)


LINES = st.lists(
    st.builds(line, st.sampled_from((*SKUS, *BUNDLES)), st.integers(1, 2)), min_size=1, max_size=3
)
FREE = st.fixed_dictionaries(
    {(warehouse, sku): st.integers(-1, 4) for warehouse in WAREHOUSES for sku in SKUS}
)


@settings(deadline=None)
@given(LINES, FREE)
def test_in_order_each_gives_what_it_has_and_a_plan_is_found_whenever_there_is_one(
    lines: list[Line], free: dict[LevelKey, int]
) -> None:
    parts = parts_of(lines)
    plan = fill(parts, free, WAREHOUSES)
    require_sound(parts, free, plan)
    assert plan.is_whole == put_together(parts, free, WAREHOUSES)
    assert fill(parts, free, WAREHOUSES) == plan
    first = fill(parts, free, WAREHOUSES[:1])
    assert {key: units for key, units in plan.units.items() if key[0] == "W1"} == first.units


@settings(deadline=None)
@given(LINES, FREE)
def test_the_fewest_are_really_the_fewest_and_of_equally_many_the_first(
    lines: list[Line], free: dict[LevelKey, int]
) -> None:
    parts = parts_of(lines)
    plan = fewest(parts, free, WAREHOUSES)
    require_sound(parts, free, plan)
    able = (
        set(some)
        for count in range(1, len(WAREHOUSES) + 1)
        for some in combinations(WAREHOUSES, count)
        if put_together(parts, free, some)
    )
    assert ({code for code, _ in plan.units} if plan.is_whole else None) == next(able, None)


@settings(deadline=None)
@given(LINES, FREE)
def test_a_refusal_names_why(lines: list[Line], free: dict[LevelKey, int]) -> None:
    parts = parts_of(lines)
    refused = refused_lines(lines, parts, free, WAREHOUSES)
    assert bool(refused) is not fill(parts, free, WAREHOUSES).is_whole
    for each in refused:
        asked = lines[each.line_index]
        assert (each.sku_code, each.asked_quantity) == (asked.sku_code, asked.quantity)
        assert each.blocking_sku_code in dict(asked.components)
        alone = parts_of([Line(asked.sku_code, max(1, each.available_quantity), asked.components)])
        assert fill(alone, free, WAREHOUSES).is_whole or each.available_quantity == 0


def test_one_that_has_it_all_sends_it_although_others_come_first() -> None:
    free = {("W1", "A"): 1, ("W2", "A"): 2, ("W3", "A"): 3}
    assert fewest(parts_of([line("A", 3)]), free, WAREHOUSES).units == {("W3", "A"): 3}


def test_a_bundle_is_never_torn_but_its_pieces_may_come_from_two_warehouses() -> None:
    torn = {("W1", "A"): 1, ("W2", "B"): 1}
    parts = parts_of([line("AB", 1)])
    assert not fill(parts, torn, WAREHOUSES).is_whole
    (refused,) = refused_lines([line("AB", 1)], parts, torn, WAREHOUSES)
    assert (refused.available_quantity, refused.blocking_sku_code) == (0, "A")
    spread = {("W1", "A"): 1, ("W1", "B"): 9, ("W2", "A"): 1, ("W2", "B"): 1}
    assert fill(parts_of([line("AB", 2)]), spread, WAREHOUSES).units == dict.fromkeys(spread, 1)


def test_bundles_that_share_a_component_come_together() -> None:
    lines = [line("AB", 1), line("BC", 1), line("D3", 1)]
    assert parts_of(lines) == (
        Part((("A", 1), ("B", 3), ("C", 1)), 1),
        Part((("D", 3),), 1),
    )
    apart = {("W1", "A"): 1, ("W1", "B"): 1, ("W2", "B"): 2, ("W2", "C"): 1, ("W3", "D"): 3}
    assert not fill(parts_of(lines), apart, WAREHOUSES).is_whole
    together = {**apart, ("W1", "B"): 3, ("W1", "C"): 1}
    assert {code for code, _ in fill(parts_of(lines), together, WAREHOUSES).units} == {"W1", "W3"}


def test_the_same_sku_twice_and_bundles_over_others_are_summed() -> None:
    lines = [line("A", 1), line("AB", 1), line("A", 2), line("D3", 1), line("AD", 1)]
    assert parts_of(lines) == (Part((("A", 2), ("B", 1), ("D", 4)), 1), Part((("A", 1),), 3))


@settings(deadline=None)
@given(LINES, FREE, st.randoms(use_true_random=False))
def test_the_order_in_which_figures_were_read_decides_nothing(
    lines: list[Line], free: dict[LevelKey, int], chance: Random
) -> None:
    shuffled = list(free.items())
    chance.shuffle(shuffled)
    parts = parts_of(lines)
    for choose in (fill, fewest):
        assert choose(parts, dict(shuffled), WAREHOUSES) == choose(parts, free, WAREHOUSES)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(LINES, st.sampled_from(SourcingPolicy), st.booleans()), min_size=1, max_size=6),
    FREE,
    st.permutations(WAREHOUSES),
)
def test_carts_together_never_get_more_than_there_is_and_one_is_split_only_when_it_may_be(
    make_cart: MakeCart,
    wishes: list[tuple[list[Line], SourcingPolicy, bool]],
    free: dict[LevelKey, int],
    nearest: list[str],
) -> None:
    levels = {key: Level(*key, max(0, units), 0, 0, 0, 0, 0, 0, 0) for key, units in free.items()}
    allocator = Allocator(levels, WAREHOUSES)
    left = Counter({key: max(0, units) for key, units in free.items()})
    for lines, policy, split in wishes:
        near = tuple(nearest) if policy is SourcingPolicy.NEAREST else ()
        cart = replace(
            make_cart({}, sourcing=Sourcing(policy, allow_split=split), nearest_first=near),
            lines=tuple(lines),
        )
        decision = allocator.decide(cart)
        order = near or WAREHOUSES
        able = [code for code in order if all(left[code, sku] >= n for sku, n in cart.demand().items())]
        if isinstance(decision, Refusal):
            assert not (put_together(parts_of(lines), left, WAREHOUSES) if split else able)
            continue
        senders = {draw.warehouse_code for draw in decision}
        if not split:
            assert senders == set(able[:1])
        given_units = Counter({(draw.warehouse_code, draw.sku_code): draw.quantity for draw in decision})
        assert sum(given_units.values()) == sum(cart.demand().values())
        assert given_units <= left
        left -= given_units


class TestManyWarehouses:
    """Beyond what is looked at exactly."""

    MANY = tuple(f"W{number:02}" for number in range(EXACT_WAREHOUSES_MAX + 12))

    def test_one_that_has_it_all_is_found(self) -> None:
        free = {(code, sku): 1 for code in self.MANY for sku in SKUS} | {("W13", "A"): 9}
        plan = fewest(parts_of([line("A", 9), line("B", 1)]), free, self.MANY)
        assert {code for code, _ in plan.units} == {"W13"}

    @settings(deadline=None)
    @given(
        LINES,
        st.dictionaries(
            st.tuples(st.sampled_from(MANY), st.sampled_from(SKUS)), st.integers(1, 3), min_size=30
        ),
    )
    def test_a_plan_is_found_whenever_there_is_one(
        self, lines: list[Line], free: dict[LevelKey, int]
    ) -> None:
        parts = parts_of(lines)
        plan = fewest(parts, free, self.MANY)
        require_sound(parts, free, plan)
        assert plan.is_whole == fill(parts, free, self.MANY).is_whole
        senders = list(dict.fromkeys(code for code, _ in plan.units))
        if plan.is_whole and len({code for code, _ in free}) > EXACT_WAREHOUSES_MAX:
            for idler in senders:
                assert not fill(parts, free, [code for code in senders if code != idler]).is_whole

    def test_warehouses_without_anything_of_it_do_not_count(self) -> None:
        free = dict.fromkeys([(code, "C") for code in self.MANY] + [("W05", "A"), ("W19", "A")], 5)
        plan = fewest(parts_of([line("A", 6)]), free, self.MANY)
        assert plan.units == {("W05", "A"): 5, ("W19", "A"): 1}


class TestDistance:
    """Over the earth's surface."""

    JAKARTA, SURABAYA = GeoPoint(-6.2, 106.8), GeoPoint(-7.25, 112.75)

    def test_as_the_map_says(self) -> None:
        assert distance_km(self.JAKARTA, self.SURABAYA) == pytest.approx(667, abs=1)
        assert distance_km(GeoPoint(0, 179.5), GeoPoint(0, -179.5)) == pytest.approx(111.2, abs=0.1)
        half = 3.141592653589793 * EARTH_RADIUS_KM
        assert distance_km(GeoPoint(90, 0), GeoPoint(-90, 77)) == pytest.approx(half)
        assert distance_km(GeoPoint(5, 5), GeoPoint(-5, -175)) == pytest.approx(half)

    @settings(deadline=None)
    @given(*[st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))] * 2)
    def test_the_way_back_is_as_long_and_none_is_longer_than_half_around(
        self, one: GeoPoint, other: GeoPoint
    ) -> None:
        assert distance_km(one, other) == pytest.approx(distance_km(other, one))
        assert 0 <= distance_km(one, other) <= 3.1416 * EARTH_RADIUS_KM
        assert distance_km(one, one) == 0

    def test_the_nearest_first_and_those_that_nobody_can_place_last(self) -> None:
        places = [
            ("X", None),
            ("SUB", self.SURABAYA),
            ("Y", None),
            ("JKT", self.JAKARTA),
            ("JK2", self.JAKARTA),
        ]
        assert by_distance(places, GeoPoint(-6.9, 107.6)) == ("JKT", "JK2", "SUB", "X", "Y")


class TestAllocator:
    """Carts one after another."""

    def allocator(self) -> Allocator:
        free = {("W1", "A"): 2, ("W2", "A"): 9, ("W2", "B"): 1, ("W3", "A"): 1, ("W3", "B"): 9}
        levels = {key: Level(*key, units, 0, 0, 0, 0, 0, 0, 0) for key, units in free.items()}
        return Allocator(levels, ["W1", "W2", "W3"])

    def drawn(
        self, make_cart: MakeCart, lines: dict[str, int], policy: SourcingPolicy, **fields: object
    ) -> dict[LevelKey, int] | None:
        sourcing = Sourcing(policy, allow_split=bool(fields.pop("allow_split", True)))
        cart = make_cart(lines, sourcing=sourcing, **fields)  # type: ignore[arg-type]
        decision = self.allocator().decide(cart)
        if isinstance(decision, Refusal):
            return None
        return {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in decision}

    def test_by_priority_each_gives_what_it_has(self, make_cart: MakeCart) -> None:
        assert self.drawn(make_cart, {"A": 4, "B": 2}, SourcingPolicy.PRIORITY) == {
            ("W1", "A"): 2,
            ("W2", "A"): 2,
            ("W2", "B"): 1,
            ("W3", "B"): 1,
        }

    def test_fewest(self, make_cart: MakeCart) -> None:
        assert self.drawn(make_cart, {"A": 4, "B": 2}, SourcingPolicy.FEWEST_PARCELS) == {
            ("W2", "A"): 4,
            ("W2", "B"): 1,
            ("W3", "B"): 1,
        }
        assert self.drawn(make_cart, {"A": 2}, SourcingPolicy.FEWEST_PARCELS) == {("W1", "A"): 2}

    def test_the_nearest_first(self, make_cart: MakeCart) -> None:
        nearest = ("W3", "W2", "W1")
        for allow_split, lines, expected in (
            (True, {"A": 3}, {("W3", "A"): 1, ("W2", "A"): 2}),
            (False, {"A": 3}, {("W2", "A"): 3}),
            (False, {"A": 1}, {("W3", "A"): 1}),
            (False, {"A": 2, "B": 2}, None),
        ):
            drawn = self.drawn(
                make_cart, lines, SourcingPolicy.NEAREST, allow_split=allow_split, nearest_first=nearest
            )
            assert drawn == expected

    def test_a_named_warehouse_overrides(self, make_cart: MakeCart) -> None:
        for policy in SourcingPolicy:
            assert self.drawn(make_cart, {"A": 10}, policy, warehouse="W2") is None
            assert self.drawn(make_cart, {"A": 9}, policy, warehouse="W2") == {("W2", "A"): 9}

    def test_what_one_cart_got_the_next_does_not(self, make_cart: MakeCart) -> None:
        allocator = self.allocator()
        split = Sourcing(SourcingPolicy.PRIORITY, allow_split=True)
        decisions = [allocator.decide(make_cart({"A": 7}, sourcing=split)) for _ in range(2)]
        assert not isinstance(decisions[0], Refusal)
        assert isinstance(decisions[1], Refusal)
        assert [(each.sku_code, each.available_quantity) for each in decisions[1].lines] == [("A", 5)]
        assert not isinstance(allocator.decide(make_cart({"A": 5}, sourcing=split)), Refusal)


@pytest.mark.parametrize(
    ("lines", "free", "refused"),
    [
        pytest.param(
            [("CUP", 2)], {("W1", "CUP"): 1}, [RefusedLine(0, "CUP", 2, 1, "CUP")], id="one has none of it"
        ),
        pytest.param(
            [("SET", 1), ("TEA", 1)],
            {("W1", "CUP"): 2, ("W2", "TEA"): 5},
            [RefusedLine(0, "SET", 1, 0, "CUP")],
            id="a bundle that lies apart, beside its component",
        ),
        pytest.param(
            [("SET", 9)],
            {("W1", "CUP"): 9, ("W1", "TEA"): 3},
            [RefusedLine(0, "SET", 9, 3, "TEA")],
            id="the scarcest component",
        ),
        pytest.param(
            [("SET", 9)],
            {("W1", "CUP"): 5, ("W1", "TEA"): 2},
            [RefusedLine(0, "SET", 9, 2, "CUP")],
            id="by whole bundles",
        ),
    ],
)
def test_a_refusal_says_what_each_line_lacks(
    make_cart: MakeCart,
    lines: list[tuple[str, int]],
    free: dict[tuple[str, str], int],
    refused: list[RefusedLine],
) -> None:
    asked = make_cart(lines, bundles={"SET": {"CUP": 2, "TEA": 1}}).lines
    assert list(refused_lines(asked, parts_of(asked), free, ["W1", "W2"])) == refused
