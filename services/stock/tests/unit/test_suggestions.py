"""Safety stock, reorder point and order size, without a database."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_stock.domain.replenishment import Reorder, Replenishment
from lumbung_stock.domain.suggestions import UNITS_MAX, Costs, Demand, LeadTime, Note, Policy, suggest

FOUR_WEEKS = tuple([4, 6] * 14)
WEEK = LeadTime("W1", "CUP", "ACME", mean_days=7, deviation_days=2)
SURE = Policy(service_level=0.95, days_of_cover=30)

demands = st.builds(Demand, st.lists(st.integers(0, 500), max_size=60).map(tuple))
lead_times = st.builds(
    lambda mean, deviation, pack: LeadTime("W1", "CUP", "ACME", mean, deviation, pack),
    st.floats(0, 200),
    st.floats(0, 60),
    st.integers(1, 5_000),
)
levels = st.floats(0.5, 0.9999)
alike = settings(derandomize=True, deadline=None, max_examples=60)


def test_the_published_formula() -> None:
    demand = Demand(FOUR_WEEKS)
    found = suggest(demand, WEEK, SURE)
    spread = sqrt(7 * demand.deviation**2 + (5 * 2) ** 2)
    assert found.z == pytest.approx(1.6448536)
    assert found.safety_stock == ceil(1.6448536 * spread) == 18
    assert (found.lead_time_demand, found.reorder_point) == (35, 35 + 18)
    assert (found.order_size, found.reorder_quantity, found.notes) == (150, 150, ())


def test_the_economic_quantity_in_whole_packs() -> None:
    found = suggest(Demand(FOUR_WEEKS), replace(WEEK, pack_size=24), replace(SURE, costs=Costs(100, 4)))
    assert found.order_size == pytest.approx(sqrt(2 * 5 * 365 * 100 / 4))
    assert found.reorder_quantity == 312


def test_steady_sales_and_a_sure_supplier_need_no_safety_stock() -> None:
    found = suggest(Demand((3,) * 30), replace(WEEK, deviation_days=0), SURE)
    assert (found.safety_stock, found.reorder_point) == (0, 21)


@pytest.mark.parametrize(
    ("demand", "notes"),
    [
        (Demand(()), (Note.NO_DEMAND, Note.SHORT_HISTORY)),
        (Demand((0,) * 30), (Note.NO_DEMAND,)),
        (Demand((9,)), (Note.SHORT_HISTORY,)),
        (Demand((*(0,) * 27, 1, 40, 1)), (Note.LUMPY_DEMAND,)),
        (Demand(FOUR_WEEKS, days_out_of_stock=3), (Note.OUT_OF_STOCK,)),
        (Demand((UNITS_MAX,) * 30), (Note.CAPPED,)),
    ],
)
def test_what_a_person_should_know(demand: Demand, notes: tuple[Note, ...]) -> None:
    assert suggest(demand, WEEK, SURE).notes == notes


def test_a_single_day_is_taken_for_chance() -> None:
    assert Demand((9,)).deviation == 3


@alike
@given(lead_times, levels, st.integers(0, 90))
def test_nothing_sold_suggests_nothing(lead_time: LeadTime, level: float, days: int) -> None:
    found = suggest(Demand((0,) * days), lead_time, Policy(level, 30))
    assert (found.safety_stock, found.reorder_point, found.reorder_quantity) == (0, 0, 0)


@alike
@given(demands, lead_times, levels, levels, st.floats(0, 100), st.floats(0, 100))
def test_surer_later_and_less_reliable_never_mean_less(
    demand: Demand, lead_time: LeadTime, one: float, other: float, longer: float, wilder: float
) -> None:
    low, high = sorted((one, other))
    worse = replace(
        lead_time,
        mean_days=lead_time.mean_days + longer,
        deviation_days=lead_time.deviation_days + wilder,
    )
    before, after = (
        suggest(demand, *each) for each in ((lead_time, Policy(low, 30)), (worse, Policy(high, 30)))
    )
    assert before.safety_stock <= after.safety_stock
    assert before.reorder_point <= after.reorder_point


@alike
@given(demands, lead_times, levels)
def test_figures_are_whole_bounded_and_in_packs(demand: Demand, lead_time: LeadTime, level: float) -> None:
    found = suggest(demand, lead_time, Policy(level, 30))
    for units in (found.safety_stock, found.reorder_point, found.reorder_quantity):
        assert 0 <= units <= UNITS_MAX
    assert found.reorder_quantity % lead_time.pack_size == 0
    assert found.safety_stock <= found.reorder_point


@alike
@given(st.integers(0, 1000), st.integers(0, 300), st.integers(0, 1000), st.integers(0, 500))
def test_an_order_brings_it_above_the_point_and_no_pack_more(
    point: int, size: int, below: int, coming: int
) -> None:
    figures = Replenishment("W1", "CUP", 0, point, size)
    due = Reorder(figures, point - below - coming, coming, sold=0, urgency=0)
    position = due.available + due.on_order
    assert position + due.order_quantity > point
    assert due.order_quantity % max(1, size) == 0
    assert position + due.order_quantity - max(1, size) <= point
