"""What a reservation becomes, and what stock's answers mean for a booking."""

from __future__ import annotations

from collections import Counter
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.bookings import (
    BACKOFF_MAX_S,
    ODD_ATTEMPTS_MAX,
    BookingKind,
    Step,
    Verdict,
    backoff,
    judge,
)
from lumbung_fulfillment.domain.orders import Draw, parts
from lumbung_kit.failures import Kind

RESERVATION = UUID("0198c2f4-5e6f-7a81-9b3c-2d4e5f607182")

draws = st.lists(
    st.builds(Draw, st.sampled_from(["JKT", "SBY"]), st.sampled_from(["A", "B", "C"]), st.integers(1, 9)),
    min_size=1,
    max_size=12,
)


@given(draws)
def test_a_reservation_becomes_one_order_per_warehouse(wanted: list[Draw]) -> None:
    split = parts(RESERVATION, wanted)
    assert [part.warehouse_code for part in split] == sorted({draw.warehouse_code for draw in wanted})
    assert len({part.order_id for part in split}) == len(split)
    asked = Counter[tuple[str, str]]()
    for draw in wanted:
        asked[draw.warehouse_code, draw.sku_code] += draw.quantity
    given_ = {(part.warehouse_code, sku): units for part in split for sku, units in part.quantities.items()}
    assert given_ == asked
    assert parts(RESERVATION, list(reversed(wanted))) == split


def step(kind: BookingKind) -> Step:
    return Step(kind, uuid4(), RESERVATION, "JKT")


@pytest.mark.parametrize(
    ("kind", "answer", "reason", "metadata", "attempts", "verdict"),
    [
        (BookingKind.PICK, Kind.UNAVAILABLE, "", {}, 999, Verdict.LATER),
        (BookingKind.PICK, Kind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", {}, 1, Verdict.LATER),
        (BookingKind.PICK, Kind.ABORTED, "REQUEST_IN_FLIGHT", {}, 1, Verdict.LATER),
        (BookingKind.PICK, Kind.RESOURCE_EXHAUSTED, "OVERLOADED", {}, 1, Verdict.LATER),
        (BookingKind.PICK, Kind.INTERNAL, "INTERNAL", {}, 1, Verdict.LATER),
        (BookingKind.PICK, Kind.INTERNAL, "INTERNAL", {}, ODD_ATTEMPTS_MAX, Verdict.REFUSED),
        (BookingKind.PICK, Kind.FAILED_PRECONDITION, "NOT_ENOUGH_IN_BIN", {}, 1, Verdict.REFUSED),
        (
            BookingKind.SHORT_PICK,
            Kind.FAILED_PRECONDITION,
            "NOT_ENOUGH_IN_BIN",
            {},
            1,
            Verdict.NOTHING_TO_BOOK,
        ),
        (BookingKind.PICK, Kind.NOT_FOUND, "BIN_NOT_FOUND", {}, 1, Verdict.REFUSED),
        (
            BookingKind.PICK,
            Kind.FAILED_PRECONDITION,
            "NOT_CONFIRMED",
            {"state": "CANCELLED"},
            1,
            Verdict.ORDER_CANCELLED,
        ),
        (
            BookingKind.SHIP,
            Kind.FAILED_PRECONDITION,
            "NOT_CONFIRMED",
            {"state": "CANCELLED"},
            1,
            Verdict.ORDER_CANCELLED,
        ),
        (BookingKind.SHIP, Kind.FAILED_PRECONDITION, "NOT_CONFIRMED", {"state": "SHIPPED"}, 1, Verdict.DONE),
        (BookingKind.SHIP, Kind.FAILED_PRECONDITION, "NOTHING_TO_SHIP", {}, 1, Verdict.DONE),
        (BookingKind.PICK, Kind.FAILED_PRECONDITION, "NOTHING_TO_SHIP", {}, 1, Verdict.REFUSED),
        (
            BookingKind.PICK,
            Kind.FAILED_PRECONDITION,
            "NOT_CONFIRMED",
            {"state": "SHIPPED"},
            1,
            Verdict.REFUSED,
        ),
        (BookingKind.SHIP, Kind.FAILED_PRECONDITION, "NOT_CONFIRMED", {}, 1, Verdict.REFUSED),
        (BookingKind.RESOURCE, Kind.UNAVAILABLE, "", {}, 1, Verdict.LATER),
        (BookingKind.RESOURCE, Kind.FAILED_PRECONDITION, "NOT_SHORT", {}, 1, Verdict.NOTHING_TO_BOOK),
        (
            BookingKind.RESOURCE,
            Kind.FAILED_PRECONDITION,
            "NOT_CONFIRMED",
            {"state": "CANCELLED"},
            1,
            Verdict.ORDER_CANCELLED,
        ),
        (
            BookingKind.RESOURCE,
            Kind.FAILED_PRECONDITION,
            "NOT_CONFIRMED",
            {"state": "SHIPPED"},
            1,
            Verdict.NOTHING_TO_BOOK,
        ),
        (BookingKind.RESOURCE, Kind.UNIMPLEMENTED, "RPC_NOT_SERVED", {}, 1, Verdict.NOTHING_TO_BOOK),
    ],
)
def test_every_answer_has_a_verdict(
    kind: BookingKind, answer: Kind, reason: str, metadata: dict[str, str], attempts: int, verdict: Verdict
) -> None:
    assert judge(step(kind), answer, reason, metadata, attempts) is verdict


@given(st.sampled_from(list(BookingKind)), st.sampled_from(list(Kind)), st.text(max_size=20))
def test_nothing_but_stocks_own_word_counts_as_done(kind: BookingKind, answer: Kind, reason: str) -> None:
    assert judge(step(kind), answer, reason, {}, 1) is not Verdict.DONE


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waiting_grows_and_is_bounded(attempts: int, jitter: float) -> None:
    assert 0 < backoff(attempts, jitter).total_seconds() <= BACKOFF_MAX_S
    assert backoff(attempts, jitter) <= backoff(attempts + 1, jitter)
