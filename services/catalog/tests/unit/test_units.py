"""Conversions are exact: nothing is lost or made on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain.failures import UnitNotFound
from lumbung_catalog.domain.units import Unit, in_base_units, in_largest_units, ordered

further = st.lists(st.integers(2, 1_000_000), max_size=7, unique=True)


def units_of(quantities: list[int]) -> tuple[Unit, ...]:
    return ordered([Unit("pcs", 1), *(Unit(f"u{i}", quantity) for i, quantity in enumerate(quantities))])


@given(further, st.integers(0, 10**9))
def test_counting_in_large_units_and_back_gives_the_same_quantity(quantities: list[int], base: int) -> None:
    units = units_of(quantities)
    parts = in_largest_units(units, base)
    assert sum(in_base_units(units, count, unit.unit_code) for count, unit in parts) == base
    assert all(count > 0 for count, _ in parts)


@given(further, st.integers(0, 10**6))
def test_a_whole_number_of_a_unit_is_that_many_of_it_or_of_larger_ones(
    quantities: list[int], count: int
) -> None:
    units = units_of(quantities)
    largest = units[-1]
    base = in_base_units(units, count, largest.unit_code)
    assert in_largest_units(units, base) == (((count, largest),) if count else ())


def test_three_cartons_and_five_are_counted_as_people_do() -> None:
    units = (Unit("pcs", 1), Unit("box", 6), Unit("carton", 24))
    assert in_largest_units(units, 3 * 24 + 2 * 6 + 5) == (
        (3, Unit("carton", 24)),
        (2, Unit("box", 6)),
        (5, Unit("pcs", 1)),
    )


def test_a_unit_that_the_sku_does_not_have_is_refused() -> None:
    with pytest.raises(UnitNotFound):
        in_base_units((Unit("pcs", 1),), 2, "carton")


def test_the_base_unit_comes_first() -> None:
    assert [unit.unit_code for unit in units_of([960, 24])] == ["pcs", "u1", "u0"]
