"""Who gets the units of an ordinary sale (P1, P5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.allocate import Allocator
from lumbung_stock.domain.levels import Level, LevelChange, LevelKey, merge
from lumbung_stock.domain.reservations import Draw, Refusal
from lumbung_stock.domain.sourcing import Sourcing

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart


def levels(free: dict[LevelKey, int], held: int = 0) -> dict[LevelKey, Level]:
    """Levels with so many units available to promise."""
    return {key: Level(*key, units + held, held, 0, 0, 0, 0, 0, 0) for key, units in free.items()}


def drawn(decision: tuple[Draw, ...] | Refusal) -> dict[LevelKey, int] | None:
    """What was drawn; None for a refusal."""
    if isinstance(decision, Refusal):
        return None
    return {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in decision}


def test_first_come_first_served_and_a_small_cart_may_have_what_a_big_one_could_not(
    make_cart: MakeCart,
) -> None:
    allocator = Allocator(levels({("W", "A"): 5}), ["W"])
    decisions = [drawn(allocator.decide(make_cart({"A": units}))) for units in (3, 3, 2, 1)]
    assert decisions == [{("W", "A"): 3}, None, {("W", "A"): 2}, None]


def test_everything_comes_from_the_first_warehouse_that_has_it_all(make_cart: MakeCart) -> None:
    free = {("W1", "A"): 9, ("W1", "B"): 1, ("W2", "A"): 2, ("W2", "B"): 2, ("W3", "A"): 9, ("W3", "B"): 9}
    allocator = Allocator(levels(free), ["W1", "W2", "W3"])
    cart = {"A": 1, "B": 2}
    assert [drawn(allocator.decide(make_cart(cart))) for _ in range(2)] == [
        {("W2", "A"): 1, ("W2", "B"): 2},
        {("W3", "A"): 1, ("W3", "B"): 2},
    ]
    assert drawn(allocator.decide(make_cart({"A": 1}))) == {("W1", "A"): 1}


def test_a_named_warehouse_is_the_only_one(make_cart: MakeCart) -> None:
    allocator = Allocator(levels({("W1", "A"): 9, ("W2", "A"): 1}), ["W1", "W2"])
    assert drawn(allocator.decide(make_cart({"A": 2}, warehouse="W2"))) is None
    assert drawn(allocator.decide(make_cart({"A": 1}, warehouse="W2"))) == {("W2", "A"): 1}


def test_the_refusal_tells_of_a_warehouse_that_exists_and_not_of_a_sum(make_cart: MakeCart) -> None:
    free = {("W1", "A"): 3, ("W1", "B"): 0, ("W2", "A"): 1, ("W2", "B"): 3}
    decision = Allocator(levels(free), ["W1", "W2"]).decide(make_cart({"A": 4, "B": 4}))
    assert isinstance(decision, Refusal)
    assert [line.available_quantity for line in decision.lines] == [1, 3]


@pytest.mark.parametrize(
    ("free", "asked", "available"),
    [
        pytest.param(
            {("W1", "A"): 10, ("W1", "B"): 0, ("W2", "A"): 3, ("W2", "B"): 3},
            {"A": 4, "B": 4},
            [3, 3],
            id="more than is wanted brings it no nearer",
        ),
        pytest.param(
            {("W1", "A"): 1, ("W1", "B"): 4, ("W2", "A"): 3, ("W2", "B"): 3},
            {"A": 4, "B": 4},
            [3, 3],
            id="each SKU counts by its share",
        ),
        pytest.param(
            {("W1", "A"): 3, ("W1", "B"): 3, ("W2", "A"): 1, ("W2", "B"): 1},
            {"A": 4, "B": 4},
            [3, 3],
            id="the first",
        ),
        pytest.param(
            {("W1", "A"): 8, ("W2", "A"): 5, ("W2", "B"): 2},
            {"A": 8, "B": 4},
            [5, 2],
            id="what a warehouse never had is nothing",
        ),
    ],
)
def test_the_refusal_tells_of_the_warehouse_that_comes_nearest(
    make_cart: MakeCart, free: dict[LevelKey, int], asked: dict[str, int], available: list[int]
) -> None:
    decision = Allocator(levels(free), ["W1", "W2"]).decide(make_cart(asked))
    assert isinstance(decision, Refusal)
    told = {line.sku_code: line.available_quantity for line in decision.lines}
    assert told == {sku: units for sku, units in zip(asked, available, strict=True) if units < asked[sku]}


def test_to_try_again_is_worth_it_only_when_others_hold_units(make_cart: MakeCart) -> None:
    for held, hopeful in ((0, False), (2, True)):
        decision = Allocator(levels({("W", "A"): 1}, held), ["W"]).decide(make_cart({"A": 2}))
        assert isinstance(decision, Refusal)
        assert (decision.retry_delay_s is not None) is hopeful


def test_safety_stock_escrow_and_promises_are_nobodys(make_cart: MakeCart) -> None:
    level = Level(
        "W",
        "A",
        10,
        held=1,
        sold=2,
        escrow=3,
        safety_stock=3,
        reorder_point=0,
        reorder_quantity=0,
        shortfall=0,
    )
    allocator = Allocator({level.key: level}, ["W"])
    assert drawn(allocator.decide(make_cart({"A": 2}))) is None
    assert drawn(allocator.decide(make_cart({"A": 1}))) == {("W", "A"): 1}


def test_a_shortfall_gives_nothing(make_cart: MakeCart) -> None:
    level = Level(
        "W",
        "A",
        1,
        held=3,
        sold=0,
        escrow=0,
        safety_stock=0,
        reorder_point=0,
        reorder_quantity=0,
        shortfall=2,
    )
    decision = Allocator({level.key: level}, ["W"]).decide(make_cart({"A": 1}))
    assert isinstance(decision, Refusal)
    assert decision.lines[0].available_quantity == 0


def test_without_warehouses_nothing_can_be_had(make_cart: MakeCart) -> None:
    decision = Allocator({}, []).decide(make_cart({"A": 1}))
    assert isinstance(decision, Refusal)
    assert [line.available_quantity for line in decision.lines] == [0]


def test_a_refusal_made_before_is_passed_on(make_cart: MakeCart) -> None:
    refusal = Refusal("FLASH_SALE_NOT_OPEN", "not now")
    allocator = Allocator(levels({("W", "A"): 9}), ["W"])
    assert allocator.decide(make_cart({"A": 1}, refusal=refusal)) is refusal
    assert drawn(allocator.decide(make_cart({"A": 9}))) == {("W", "A"): 9}


def test_what_is_given_back_can_be_had_again(make_cart: MakeCart) -> None:
    allocator = Allocator(levels({("W", "A"): 3}), ["W"])
    first = allocator.decide(make_cart({"A": 2}))
    assert not isinstance(first, Refusal)
    allocator.give_back(first)
    assert drawn(allocator.decide(make_cart({"A": 3}))) == {("W", "A"): 3}


class TestOverSeveralWarehouses:
    """A cart that may be split."""

    def test_its_units_come_out_of_levels_and_are_gone(self, make_cart: MakeCart) -> None:
        allocator = Allocator(levels({("W1", "A"): 2, ("W2", "A"): 3}), ["W1", "W2"])
        cart = make_cart({"A": 4}, sourcing=Sourcing(allow_split=True))
        assert allocator.decide(cart) == (
            Draw("W1", "A", 2, from_escrow=False),
            Draw("W2", "A", 2, from_escrow=False),
        )
        assert drawn(allocator.decide(make_cart({"A": 1}))) == {("W2", "A"): 1}
        assert drawn(allocator.decide(make_cart({"A": 1}))) is None

    def test_a_cart_that_all_of_them_cannot_fill_takes_from_none(self, make_cart: MakeCart) -> None:
        allocator = Allocator(levels({("W1", "A"): 2, ("W2", "A"): 3}, held=1), ["W1", "W2"])
        refusal = allocator.decide(make_cart({"A": 6}, sourcing=Sourcing(allow_split=True)))
        assert isinstance(refusal, Refusal)
        assert [line.available_quantity for line in refusal.lines] == [5]
        assert refusal.retry_delay_s
        assert drawn(allocator.decide(make_cart({"A": 3}))) == {("W2", "A"): 3}
        assert drawn(allocator.decide(make_cart({"A": 2}))) == {("W1", "A"): 2}


KEYS = st.tuples(st.sampled_from(["W1", "W2"]), st.sampled_from("AB"))


@given(
    st.dictionaries(KEYS, st.integers(-2, 12)),
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("AB"), st.integers(1, 6), min_size=1),
            st.sampled_from(["", "W1", "W2"]),
        )
    ),
)
def test_no_level_gives_more_than_it_has_and_each_cart_gets_all_or_none(
    make_cart: MakeCart, free: dict[LevelKey, int], asked: list[tuple[dict[str, int], str]]
) -> None:
    allocator = Allocator(levels(free), ["W1", "W2"])
    left = dict(free)
    for lines, warehouse in asked:
        draws = drawn(allocator.decide(make_cart(lines, warehouse=warehouse)))
        fits = [
            code
            for code in ([warehouse] if warehouse else ["W1", "W2"])
            if all(left.get((code, sku), 0) >= units for sku, units in lines.items())
        ]
        assert draws == ({(fits[0], sku): units for sku, units in lines.items()} if fits else None)
        for key, units in (draws or {}).items():
            left[key] -= units
            assert left[key] >= 0


def test_changes_of_one_level_become_one_and_those_of_nothing_none() -> None:
    changes = [
        LevelChange("W2", "A", held=1),
        LevelChange("W1", "B", sold=2),
        LevelChange("W2", "A", held=2, escrow=-1),
        LevelChange("W1", "A", held=3),
        LevelChange("W1", "A", held=-3),
    ]
    assert merge(changes) == [LevelChange("W1", "B", sold=2), LevelChange("W2", "A", held=3, escrow=-1)]
