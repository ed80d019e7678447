"""Orders before stock is asked, and what its answers mean."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_channel_sync.domain.orders import (
    Demand,
    OrderLine,
    StockAnswer,
    Undemandable,
    customer_reference,
    demand_of,
    judge_stock_failure,
    step_id,
)

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
CHANNELS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}", fullmatch=True)
REFS = st.text(min_size=1, max_size=64)


@given(channel=CHANNELS, ref=REFS, round_=st.integers(min_value=1, max_value=9))
def test_a_steps_id_is_always_one_that_stock_takes(channel: str, ref: str, round_: int) -> None:
    assert REQUEST_ID.fullmatch(step_id(channel, ref, "reserve", round_))
    assert step_id(channel, ref, "confirm") == step_id(channel, ref, "confirm")


@given(channel=CHANNELS, refs=st.lists(REFS, min_size=2, max_size=2, unique=True))
def test_two_orders_never_share_a_steps_id(channel: str, refs: list[str]) -> None:
    assert step_id(channel, refs[0], "reserve") != step_id(channel, refs[1], "reserve")
    assert step_id(channel, refs[0], "reserve") != step_id(channel, refs[0], "confirm")
    assert step_id(channel, refs[0], "reserve") != step_id(channel, refs[0], "reserve", 2)


def test_buyers_of_two_channels_are_two_people() -> None:
    assert customer_reference("tokoria", "17") != customer_reference("belanjago", "17")
    assert len(customer_reference("a" * 24, "b" * 64)) <= 64
    assert customer_reference("tokoria", "") == ""


def line(sku_code: str | None = "KOPI", units: int = 1, sale: str = "") -> OrderLine:
    """One line of an order."""
    return OrderLine("L-1", sku_code, units, units, sale)


def test_demand_is_summed_per_sku_and_draws_on_one_sale() -> None:
    assert demand_of([line(units=2), line("TEH"), line(units=3)]) == Demand((("KOPI", 5), ("TEH", 1)), "")
    assert demand_of([line(sale="HARBOLNAS"), line("TEH")]).flash_sale_code == "HARBOLNAS"


@pytest.mark.parametrize(
    ("lines", "reason", "for_a_person"),
    [
        ([line(None)], "LISTING_UNKNOWN", True),
        ([line(sale="A"), line("TEH", sale="B")], "SEVERAL_FLASH_SALES", False),
    ],
)
def test_what_cannot_be_put_to_stock(lines: list[OrderLine], reason: str, for_a_person: bool) -> None:
    with pytest.raises(Undemandable) as found:
        demand_of(lines)
    assert (found.value.reason, found.value.for_a_person) == (reason, for_a_person)


@pytest.mark.parametrize(
    ("kind", "reason", "answer"),
    [
        ("FAILED_PRECONDITION", "OUT_OF_STOCK", StockAnswer.REFUSED),
        ("FAILED_PRECONDITION", "CUSTOMER_LIMIT_REACHED", StockAnswer.REFUSED),
        ("FAILED_PRECONDITION", "FLASH_SALE_NOT_OPEN", StockAnswer.REFUSED),
        ("FAILED_PRECONDITION", "HOLD_EXPIRED", StockAnswer.HOLD_GONE),
        ("FAILED_PRECONDITION", "HOLD_LOST", StockAnswer.HOLD_GONE),
        ("UNAVAILABLE", "STORE_UNAVAILABLE", StockAnswer.TRY_AGAIN),
        ("RESOURCE_EXHAUSTED", "OVERLOADED", StockAnswer.TRY_AGAIN),
        ("ABORTED", "REQUEST_IN_FLIGHT", StockAnswer.TRY_AGAIN),
        ("DEADLINE_EXCEEDED", "", StockAnswer.TRY_AGAIN),
        ("INTERNAL", "INTERNAL", StockAnswer.TRY_AGAIN),
        ("INVALID_ARGUMENT", "BAD_INPUT", StockAnswer.FOR_A_PERSON),
        ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", StockAnswer.FOR_A_PERSON),
        ("NOT_FOUND", "SKU_NOT_FOUND", StockAnswer.FOR_A_PERSON),
    ],
)
def test_what_stocks_refusals_mean(kind: str, reason: str, answer: StockAnswer) -> None:
    assert judge_stock_failure(kind, reason) is answer
