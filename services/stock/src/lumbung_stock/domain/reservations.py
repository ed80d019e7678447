"""A reservation, its states, and who wins when two ask for the same change (P7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from uuid import UUID

from lumbung_kit.failures import Failure
from lumbung_stock.domain.reservation_failures import (
    AlreadyResolved,
    AlreadyShipped,
    HoldExpired,
    NotConfirmed,
    WasRefused,
)


class ReservationState(IntEnum):
    """Where a reservation stands; numbers as in the contract and the table."""

    HELD = 1
    CONFIRMED = 2
    RELEASED = 3
    EXPIRED = 4
    CANCELLED = 5
    SHIPPED = 6
    REFUSED = 7


class Durability(IntEnum):
    """How long an acknowledged hold is sure to live; numbers as in the contract."""

    DURABLE = 1
    SOFT = 2


class Verb(Enum):
    """What may resolve a reservation."""

    CONFIRM = 1
    RELEASE = 2
    EXPIRE = 3
    CANCEL = 4
    SHIP = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line as asked, with the plain SKUs that one unit of it takes: itself, or a bundle's components."""

    sku_code: str
    quantity: int
    components: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """Units that a reservation takes of one plain SKU from one warehouse. `returned`: came back after shipping."""

    warehouse_code: str
    sku_code: str
    quantity: int
    from_escrow: bool
    picked: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class OrderDetails:
    """What fulfillment needs to know of an order; nothing personal."""

    order_reference: str
    courier_service: str = ""
    place_time: datetime | None = None
    priority: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """Why one line could not be had (P6)."""

    line_index: int
    sku_code: str
    asked_quantity: int
    available_quantity: int
    blocking_sku_code: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A typed refusal, kept so that the same request gets the same answer (P3)."""

    reason: str
    message: str
    lines: tuple[RefusedLine, ...] = ()
    retry_delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units set aside for one cart, and what became of them. `deadline` is Postgres' own, not the one told."""

    reservation_id: UUID
    request_id: str
    content_hash: bytes
    state: ReservationState
    lines: tuple[Line, ...]
    channel_code: str
    customer_reference: str
    flash_sale_code: str | None
    durability: Durability
    deadline: datetime
    create_time: datetime
    resolve_time: datetime | None
    order: OrderDetails | None
    refusal: Refusal | None
    actor: str
    traceparent: str
    draws: tuple[Draw, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Resolution:
    """Somebody's wish to change a reservation. `request_id` is empty when time asks (EXPIRE)."""

    reservation_id: UUID
    verb: Verb
    request_id: str
    actor: str = "service:stock"
    reason: str = ""
    document: str = ""
    order: OrderDetails | None = None
    content_hash: bytes = b""
    traceparent: str = ""


_RESULT = {
    Verb.CONFIRM: ReservationState.CONFIRMED,
    Verb.RELEASE: ReservationState.RELEASED,
    Verb.EXPIRE: ReservationState.EXPIRED,
    Verb.CANCEL: ReservationState.CANCELLED,
    Verb.SHIP: ReservationState.SHIPPED,
}

_WINNER = {
    ReservationState.CONFIRMED: "confirm",
    ReservationState.SHIPPED: "confirm",
    ReservationState.RELEASED: "release",
    ReservationState.EXPIRED: "expire",
    ReservationState.CANCELLED: "cancel",
}


def next_state(state: ReservationState, verb: Verb, *, deadline_passed: bool) -> ReservationState:
    """The state that the verb leads to; the same state means that there is nothing left to do.

    Raises the failure that tells the caller who was faster.
    """
    if state is ReservationState.REFUSED:
        raise WasRefused
    if verb in (Verb.CANCEL, Verb.SHIP):
        return _resolve_sale(state, verb)
    return _resolve_hold(state, verb, deadline_passed=deadline_passed)


def _resolve_hold(state: ReservationState, verb: Verb, *, deadline_passed: bool) -> ReservationState:
    if state is ReservationState.HELD:
        if verb is Verb.CONFIRM and deadline_passed:
            raise HoldExpired
        return ReservationState.HELD if verb is Verb.EXPIRE and not deadline_passed else _RESULT[verb]
    if verb is Verb.EXPIRE:
        return state
    if verb is Verb.RELEASE and state in (ReservationState.RELEASED, ReservationState.EXPIRED):
        return state
    if verb is Verb.CONFIRM and state is ReservationState.EXPIRED:
        raise HoldExpired
    raise lost_to(state)


def _resolve_sale(state: ReservationState, verb: Verb) -> ReservationState:
    if state is ReservationState.CONFIRMED:
        return _RESULT[verb]
    if state is ReservationState.SHIPPED:
        raise AlreadyShipped
    if state is ReservationState.CANCELLED:
        raise lost_to(state)
    raise NotConfirmed(metadata={"state": state.name})


def lost_to(state: ReservationState) -> Failure:
    """The failure that names the winner."""
    return AlreadyResolved(
        f"This reservation was resolved already: {_WINNER[state]} won.", metadata={"winner": _WINNER[state]}
    )
