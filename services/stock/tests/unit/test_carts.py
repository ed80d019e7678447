"""What a cart draws on, and what its refusal says (P5, P6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.carts import (
    customers_of,
    demand_of,
    out_of_stock,
    out_of_stock_everywhere,
    skus_of,
)
from lumbung_stock.domain.reservations import Line, Refusal, RefusedLine

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart

KIT = {"KIT": {"CABLE": 1, "PB": 2}}


def test_demand_is_summed_over_lines_and_bundles(make_cart: MakeCart) -> None:
    cart = make_cart([("PB", 3), ("KIT", 2), ("PB", 1)], bundles=KIT)
    assert cart.demand() == {"PB": 8, "CABLE": 2}


@pytest.mark.parametrize(
    ("lines", "available", "refused"),
    [
        pytest.param([("PB", 2)], {"PB": 1}, [RefusedLine(0, "PB", 2, 1, "PB")], id="one line"),
        pytest.param([("PB", 2)], {}, [RefusedLine(0, "PB", 2, 0, "PB")], id="nothing was ever there"),
        pytest.param([("PB", 2)], {"PB": -3}, [RefusedLine(0, "PB", 2, 0, "PB")], id="less than nothing"),
        pytest.param(
            [("CUP", 1), ("PB", 2)],
            {"PB": 1, "CUP": 1},
            [RefusedLine(1, "PB", 2, 1, "PB")],
            id="only the short",
        ),
        pytest.param(
            [("PB", 3), ("PB", 3)],
            {"PB": 5},
            [RefusedLine(0, "PB", 3, 5, "PB"), RefusedLine(1, "PB", 3, 5, "PB")],
            id="together too many",
        ),
        pytest.param(
            [("KIT", 3)],
            {"PB": 9, "CABLE": 2},
            [RefusedLine(0, "KIT", 3, 2, "CABLE")],
            id="whole bundles, and why",
        ),
        pytest.param(
            [("KIT", 3)],
            {"PB": 3, "CABLE": 2},
            [RefusedLine(0, "KIT", 3, 1, "PB")],
            id="the shortest component",
        ),
        pytest.param(
            [("KIT", 1), ("PB", 1), ("CABLE", 1)],
            {"PB": 2, "CABLE": 9},
            [RefusedLine(0, "KIT", 1, 1, "PB"), RefusedLine(1, "PB", 1, 2, "PB")],
            id="a bundle beside its component",
        ),
    ],
)
def test_a_refusal_names_each_line_that_was_short(
    make_cart: MakeCart, lines: list[tuple[str, int]], available: dict[str, int], refused: list[RefusedLine]
) -> None:
    refusal = out_of_stock(make_cart(lines, bundles=KIT).lines, available, 60.0)
    assert list(refusal.lines) == refused
    assert (refusal.reason, refusal.retry_delay_s) == ("OUT_OF_STOCK", 60.0)
    assert refused[0].blocking_sku_code in refusal.message


def test_a_refusal_names_the_first_five_skus_and_when_to_try_again(make_cart: MakeCart) -> None:
    lines = make_cart(dict.fromkeys("FEDCBA", 1)).lines
    told = "Not enough units are left of A, B, C, D, E; nothing is held."
    assert out_of_stock(lines, {}).message == told
    everywhere = out_of_stock_everywhere(out_of_stock(lines, {}).lines, 60.0)
    assert (everywhere.message, everywhere.retry_delay_s, len(everywhere.lines)) == (told, 60.0, 6)


def test_what_was_refused_already_is_looked_up_for_nobody(make_cart: MakeCart) -> None:
    refused = make_cart({"C": 1}, customer="citra", refusal=Refusal("OUT_OF_STOCK", "none left"))
    carts = [
        make_cart({"B": 1, "A": 1}, customer="budi"),
        make_cart({"A": 2}, customer="ani"),
        make_cart({"A": 1}),
        refused,
    ]
    assert (skus_of(carts), customers_of(carts)) == (["A", "B"], ["ani", "budi"])


CARTS = st.lists(
    st.builds(
        Line,
        st.sampled_from("ABC"),
        st.integers(1, 5),
        st.dictionaries(st.sampled_from("XYZ"), st.integers(1, 4), min_size=1).map(
            lambda parts: tuple(parts.items())
        ),
    ),
    min_size=1,
    max_size=5,
).map(tuple)


@given(CARTS, st.dictionaries(st.sampled_from("XYZ"), st.integers(-3, 40)))
def test_a_line_is_refused_when_a_sku_of_it_is_short_and_never_otherwise(
    lines: tuple[Line, ...], available: dict[str, int]
) -> None:
    demand = demand_of(lines)
    short = {sku for sku, units in demand.items() if available.get(sku, 0) < units}
    refusal = out_of_stock(lines, available)
    touched = [index for index, line in enumerate(lines) if short & {sku for sku, _ in line.components}]
    assert [line.line_index for line in refusal.lines] == touched
    for refused in refusal.lines:
        line = lines[refused.line_index]
        assert refused.blocking_sku_code in short
        had = demand_of((Line(line.sku_code, max(1, refused.available_quantity), line.components),))
        if refused.available_quantity:
            assert all(units <= available.get(sku, 0) for sku, units in had.items())
