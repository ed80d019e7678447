"""What may come of what is expected."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_stock.domain.expected_receipts import (
    Arrived,
    Expectation,
    ExpectedLine,
    ExpectedReceipt,
    ExpectedReceiptState,
    accept,
    state_of,
)
from lumbung_stock.domain.receiving_failures import ExpectedReceiptClosed, OverDelivery, UnexpectedSku

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def receipt(
    *lines: ExpectedLine, percent: int = 0, state: ExpectedReceiptState = ExpectedReceiptState.OPEN
) -> ExpectedReceipt:
    said = Expectation("Toko Maju", "PO-1", "JKT1", None, percent, lines)
    return ExpectedReceipt(UUID(int=1), said, state, 1, False, "", 0, 0, 0, "staff:ani", NOW, NOW)


def arrived(**units: int) -> list[Arrived]:
    return [Arrived(f"lines[{index}]", sku, n) for index, (sku, n) in enumerate(units.items())]


@pytest.mark.parametrize(
    ("expected", "percent", "bound"), [(10, 0, 10), (10, 10, 11), (9, 10, 9), (1, 99, 1), (3, 100, 6)]
)
def test_a_tolerance_counts_in_whole_units(expected: int, percent: int, bound: int) -> None:
    line = ExpectedLine("CUP", expected)
    accept(receipt(line, percent=percent), arrived(CUP=bound), "")
    with pytest.raises(OverDelivery) as caught:
        accept(receipt(line, percent=percent), arrived(CUP=bound + 1), "")
    assert caught.value.metadata["available_quantity"] == str(bound)
    assert [each.field for each in caught.value.fields] == ["lines[0].quantity"]


def test_lines_of_one_sku_are_taken_together() -> None:
    twice = [Arrived("lines[0]", "CUP", 6), Arrived("lines[1]", "CUP", 5)]
    with pytest.raises(OverDelivery) as caught:
        accept(receipt(ExpectedLine("CUP", 10)), twice, "")
    assert [each.field for each in caught.value.fields] == ["lines[0].quantity", "lines[1].quantity"]


def test_what_nobody_expected_needs_a_reason_and_every_line_is_named() -> None:
    one = receipt(ExpectedLine("CUP", 10))
    with pytest.raises(UnexpectedSku) as caught:
        accept(one, arrived(CAP=1, CUP=1, HAT=1), "")
    assert [each.field for each in caught.value.fields] == ["lines[0].sku_code", "lines[2].sku_code"]
    after = {line.sku_code: line for line in accept(one, arrived(CAP=1), "a gift")}
    assert after["CAP"] == ExpectedLine("CAP", 0, 1)


@pytest.mark.parametrize("state", [ExpectedReceiptState.CLOSED_SHORT, ExpectedReceiptState.CANCELLED])
def test_what_is_finished_takes_nothing_whatever_the_reason(state: ExpectedReceiptState) -> None:
    with pytest.raises(ExpectedReceiptClosed):
        accept(receipt(ExpectedLine("CUP", 1), state=state), arrived(CUP=1), "all the same")


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    expected=st.dictionaries(st.sampled_from("ABC"), st.integers(1, 50), min_size=1),
    deliveries=st.lists(st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 30), min_size=1)),
    percent=st.integers(0, 100),
)
def test_whatever_comes_nothing_is_lost_and_nothing_exceeds_the_tolerance_unasked(
    expected: dict[str, int], deliveries: list[dict[str, int]], percent: int
) -> None:
    lines = tuple(ExpectedLine(sku, units) for sku, units in expected.items())
    received: dict[str, int] = {}
    for delivery in deliveries:
        try:
            lines = accept(receipt(*lines, percent=percent), arrived(**delivery), "")
        except (OverDelivery, UnexpectedSku):
            continue
        for sku, units in delivery.items():
            received[sku] = received.get(sku, 0) + units
    for line in lines:
        assert line.received == received.get(line.sku_code, 0)
        assert line.received <= line.expected * (100 + percent) / 100
    complete = all(received.get(sku, 0) >= units for sku, units in expected.items())
    assert (state_of(lines) is ExpectedReceiptState.RECEIVED) == complete
