"""Whether a label's lot is one that the pick was planned with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from lumbung_fulfillment.domain.failures import LotExpired, WrongLot
from lumbung_fulfillment.domain.lots import LabelledLot, PlannedLot, lot_to_book

NOON = datetime(2027, 3, 5, 12, tzinfo=UTC)
L1 = PlannedLot("L1", 3, date(2027, 3, 9), NOON + timedelta(days=2))
L2 = PlannedLot("L2", 2)
BARE = PlannedLot("", 1)


@pytest.mark.parametrize(
    ("planned", "label", "booked"),
    [
        ([], LabelledLot("L9", date(2020, 1, 1)), ""),  # nobody keeps lots of it apart
        ([L1, L2], LabelledLot(), ""),
        ([L1, L2], LabelledLot("L1"), "L1"),
        ([L1, L2], LabelledLot("L2", date(2030, 1, 1)), "L2"),
        ([BARE, L1], LabelledLot("OLD"), ""),
        ([BARE, L1], LabelledLot("L1"), "L1"),
        ([L2], LabelledLot("L2", NOON.date()), "L2"),  # today is its last day
    ],
)
def test_a_planned_lot_is_booked(planned: list[PlannedLot], label: LabelledLot, booked: str) -> None:
    assert lot_to_book(planned, label, NOON) == booked


@pytest.mark.parametrize(
    ("planned", "label", "at", "failure", "expected"),
    [
        ([L1, L2], LabelledLot("L9"), NOON, WrongLot, "L1,L2"),
        ([L1, L2], LabelledLot("L1"), NOON + timedelta(days=2), LotExpired, "L2"),
        ([L1], LabelledLot("L1"), NOON + timedelta(days=2), LotExpired, ""),
        ([L2], LabelledLot("L2", date(2027, 3, 3)), NOON, LotExpired, ""),
        ([BARE], LabelledLot("OLD", date(2027, 3, 3)), NOON, LotExpired, ""),
    ],
)
def test_another_lot_is_refused_and_so_is_one_that_has_expired(
    planned: list[PlannedLot], label: LabelledLot, at: datetime, failure: type[Exception], expected: str
) -> None:
    with pytest.raises(failure) as caught:
        lot_to_book(planned, label, at)
    assert caught.value.metadata == {"expected": expected, "scanned": label.lot_code}  # type: ignore[attr-defined]
