"""Physical steps on their way to stock's ledger.

A step is written down in the transaction that counts it, then booked in stock under a request_id made from
the step's own, so that a crash between the two books it once. Bookings of one order go to stock in the order
in which they happened. What stock answers is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from lumbung_kit.failures import Kind

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 30.0
ODD_ATTEMPTS_MAX = 12
"""After so many answers that neither refuse nor say 'later', a person has to look."""

_LATER = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED, Kind.ABORTED})
_REFUSED = frozenset({Kind.INVALID_ARGUMENT, Kind.NOT_FOUND, Kind.FAILED_PRECONDITION, Kind.ALREADY_EXISTS})


class BookingKind(Enum):
    """What a booking moves."""

    PICK = "pick"
    SHORT_PICK = "short_pick"
    PUT_BACK = "put_back"
    SHIP = "ship"
    RETURN = "return"
    MOVE = "move"
    RESOURCE = "resource"


class BookingState(Enum):
    """Where a booking stands."""

    QUEUED = "queued"
    DONE = "done"
    REFUSED = "refused"
    VOID = "void"


class Condition(Enum):
    """What shape returned goods are in."""

    RESTOCK = "restock"
    QUARANTINE = "quarantine"
    SCRAP = "scrap"


@dataclass(frozen=True, slots=True)
class Step:
    """What stock is to be told. Of the fields, each kind uses its own; the rest are empty."""

    kind: BookingKind
    order_id: UUID
    reservation_id: UUID
    warehouse_code: str
    sku_code: str = ""
    bin_code: str = ""
    to_bin_code: str = ""
    quantity: int = 0
    condition: Condition | None = None
    document: str = ""
    reason: str = ""
    lot_code: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    """One step on its way to stock."""

    booking_id: UUID
    step: Step
    state: BookingState
    stock_request_id: str
    undoes_booking_id: UUID | None
    attempt_count: int
    last_error: str
    create_time: datetime
    next_attempt_time: datetime
    done_time: datetime | None
    actor: str
    traceparent: str


class Verdict(Enum):
    """What an answer of stock's means for a booking."""

    DONE = "done"
    LATER = "later"
    REFUSED = "refused"
    ORDER_CANCELLED = "order_cancelled"
    NOTHING_TO_BOOK = "nothing_to_book"


def judge(step: Step, kind: Kind, reason: str, metadata: Mapping[str, str], attempts: int) -> Verdict:
    """What to make of a refusal. An order's share is there from the start, so when none is left to ship it has left.
    Asking another warehouse is an offer: whatever stock does not take up is left to a person, and holds up nothing.
    """
    if kind in _LATER:
        return Verdict.LATER
    if reason == "NOT_CONFIRMED":
        return _not_confirmed(step, metadata.get("state", ""))
    knows_already = reason == "NOT_ENOUGH_IN_BIN" and step.kind is BookingKind.SHORT_PICK
    if knows_already or step.kind is BookingKind.RESOURCE:
        return Verdict.NOTHING_TO_BOOK
    if reason == "NOTHING_TO_SHIP" and step.kind is BookingKind.SHIP:
        return Verdict.DONE
    if kind in _REFUSED or attempts >= ODD_ATTEMPTS_MAX:
        return Verdict.REFUSED
    return Verdict.LATER


def _not_confirmed(step: Step, state: str) -> Verdict:
    """Stock cancelled the sale first, or this share had left and was the last."""
    if state == "CANCELLED":
        return Verdict.ORDER_CANCELLED
    if state == "SHIPPED" and step.kind is BookingKind.SHIP:
        return Verdict.DONE
    if step.kind is BookingKind.RESOURCE:
        return Verdict.NOTHING_TO_BOOK
    return Verdict.REFUSED


def backoff(attempts: int, jitter: float) -> timedelta:
    """How long to wait after so many attempts; `jitter` is from 0 to 1."""
    longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts, 20))
    return timedelta(seconds=longest * (0.5 + jitter / 2))
