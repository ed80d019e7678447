"""The figure that a listing should show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_channel_sync.domain.figures import Availability, DecidedBy, FigureReason, figure_of
from lumbung_channel_sync.domain.listings import ListingRules

UNITS = st.integers(min_value=0, max_value=2_000_000)
RULES = st.builds(
    ListingRules,
    units_per_item=st.integers(min_value=1, max_value=10_000),
    buffer_quantity=st.integers(min_value=0, max_value=1_000_000),
    share_percent=st.integers(min_value=1, max_value=100),
    cap_quantity=st.none() | st.integers(min_value=0, max_value=1_000_000),
)
AVAILABLE = st.builds(
    Availability,
    available_to_promise=UNITS,
    flash_sale_code=st.sampled_from(["", "HARBOLNAS"]),
    flash_sale_available=UNITS,
)


@given(rules=RULES, available=AVAILABLE, undecided=UNITS)
def test_never_more_than_there_is_and_never_below_nothing(
    rules: ListingRules, available: Availability, undecided: int
) -> None:
    figure = figure_of(rules, available, undecided_quantity=undecided, sells_nothing=False)
    on_sale = bool(available.flash_sale_code)
    there_is = available.flash_sale_available if on_sale else available.available_to_promise
    assert 0 <= figure.quantity * rules.units_per_item <= max(0, there_is - undecided)
    assert rules.cap_quantity is None or figure.quantity <= rules.cap_quantity


@given(rules=RULES, available=AVAILABLE, undecided=UNITS, more=UNITS)
def test_more_stock_never_lowers_the_figure(
    rules: ListingRules, available: Availability, undecided: int, more: int
) -> None:
    richer = Availability(
        available.available_to_promise + more,
        available.flash_sale_code,
        available.flash_sale_available + more,
    )
    before = figure_of(rules, available, undecided_quantity=undecided, sells_nothing=False)
    after = figure_of(rules, richer, undecided_quantity=undecided, sells_nothing=False)
    assert after.quantity >= before.quantity


@given(rules=RULES, available=AVAILABLE, undecided=UNITS)
def test_paused_sells_nothing_whatever_there_is(
    rules: ListingRules, available: Availability, undecided: int
) -> None:
    figure = figure_of(rules, available, undecided_quantity=undecided, sells_nothing=True)
    assert (figure.quantity, figure.reason.decided_by) == (0, DecidedBy.PAUSED)


@given(rules=RULES, available=AVAILABLE, undecided=UNITS)
def test_a_stored_reason_reads_back(rules: ListingRules, available: Availability, undecided: int) -> None:
    reason = figure_of(rules, available, undecided_quantity=undecided, sells_nothing=False).reason
    assert FigureReason.from_json(reason.as_json()) == reason


@pytest.mark.parametrize(
    ("rules", "available", "undecided", "quantity", "decided_by"),
    [
        (ListingRules(), Availability(7), 0, 7, DecidedBy.AVAILABLE),
        (ListingRules(), Availability(7), 3, 4, DecidedBy.AVAILABLE),
        (ListingRules(), Availability(7), 9, 0, DecidedBy.AVAILABLE),
        (ListingRules(buffer_quantity=2), Availability(7), 0, 5, DecidedBy.AVAILABLE),
        (ListingRules(buffer_quantity=9), Availability(7), 0, 0, DecidedBy.AVAILABLE),
        (ListingRules(share_percent=50), Availability(7), 0, 3, DecidedBy.SHARE),
        (ListingRules(units_per_item=24), Availability(100), 0, 4, DecidedBy.AVAILABLE),
        (ListingRules(cap_quantity=3), Availability(7), 0, 3, DecidedBy.CAP),
        (ListingRules(cap_quantity=7), Availability(7), 0, 7, DecidedBy.AVAILABLE),
        (ListingRules(cap_quantity=0), Availability(7), 0, 0, DecidedBy.CAP),
        (ListingRules(buffer_quantity=5), Availability(7, "S", 40), 1, 39, DecidedBy.FLASH_SALE),
        (ListingRules(), Availability(7, "S", 0), 0, 0, DecidedBy.FLASH_SALE),
        (ListingRules(cap_quantity=10), Availability(7, "S", 40), 0, 10, DecidedBy.CAP),
        (ListingRules(), None, 0, 0, DecidedBy.UNKNOWN_SKU),
    ],
)
def test_rules(
    rules: ListingRules,
    available: Availability | None,
    undecided: int,
    quantity: int,
    decided_by: DecidedBy,
) -> None:
    figure = figure_of(rules, available, undecided_quantity=undecided, sells_nothing=False)
    assert (figure.quantity, figure.reason.decided_by) == (quantity, decided_by)
