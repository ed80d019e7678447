"""A reservation, its states, and who wins when two ask for the same change (P7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    """What may happen to a reservation; EXTEND alone resolves nothing."""

    CONFIRM = 1
    RELEASE = 2
    EXPIRE = 3
    CANCEL = 4
    SHIP = 5
    EXTEND = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line as asked, with the plain SKUs that one unit of it takes: itself, or a bundle's components."""

    sku_code: str
    quantity: int
    components: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """Units that a reservation takes of one plain SKU from one warehouse. `returned`: came back after shipping;
    `replaced`: were sent in place of wrong ones.

    `from_escrow`: an open sale's escrow is charged with them. `left_escrow`: it was, until the sale closed.
    """

    warehouse_code: str
    sku_code: str
    quantity: int
    from_escrow: bool
    picked: int = 0
    returned: int = 0
    shipped: bool = False
    left_escrow: bool = False
    replaced: int = 0

    @property
    def with_customer(self) -> int:
        """Of what has left, what has not come back: units bought, and units that replaced them."""
        return self.quantity + self.replaced - self.returned if self.shipped else 0

    @property
    def replaceable(self) -> int:
        """How many more may be sent in place of wrong ones: no more than the customer has, and one for each unit
        bought until a wrong one has come back.
        """
        if not self.shipped:
            return 0
        return max(0, min(self.with_customer, self.quantity + self.returned - self.replaced))


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
class Held:
    """What was held before a partial confirm sold less of it."""

    lines: tuple[Line, ...]
    draws: tuple[Draw, ...]


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units set aside for one cart, and what became of them. `deadline` is Postgres' own, not the one told.

    After a partial confirm `lines` and `draws` are what was sold, and `held` is what was held before.
    `first_deadline` is the one that the Reserve was answered with, when an extension has moved it since.
    `first_draws` are what was sold, when some of it was sourced from another warehouse since.
    """

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
    first_deadline: datetime | None = None
    held: Held | None = None
    first_draws: tuple[Draw, ...] | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Somebody's wish to change a reservation. `request_id` is empty when time asks (EXPIRE).

    `ttl_s` is EXTEND's. `partial_lines`, as (SKU or bundle, units), are CONFIRM's: all when empty.
    `warehouse_code` is SHIP's: the share of one warehouse, or when empty all that has not left.
    """

    reservation_id: UUID
    verb: Verb
    request_id: str
    actor: str = "service:stock"
    reason: str = ""
    document: str = ""
    order: OrderDetails | None = None
    content_hash: bytes = b""
    traceparent: str = ""
    ttl_s: float = 0.0
    partial_lines: tuple[tuple[str, int], ...] = ()
    warehouse_code: str = ""


_RESULT = {
    Verb.CONFIRM: ReservationState.CONFIRMED,
    Verb.RELEASE: ReservationState.RELEASED,
    Verb.EXPIRE: ReservationState.EXPIRED,
    Verb.CANCEL: ReservationState.CANCELLED,
    Verb.SHIP: ReservationState.SHIPPED,
    Verb.EXTEND: ReservationState.HELD,
}

_ONLY_IN_TIME = (Verb.CONFIRM, Verb.EXTEND)

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
        if verb in _ONLY_IN_TIME and deadline_passed:
            raise HoldExpired
        return ReservationState.HELD if verb is Verb.EXPIRE and not deadline_passed else _RESULT[verb]
    if verb is Verb.EXPIRE:
        return state
    if verb is Verb.RELEASE and state in (ReservationState.RELEASED, ReservationState.EXPIRED):
        return state
    if verb in _ONLY_IN_TIME and state is ReservationState.EXPIRED:
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


def as_held(reservation: Reservation) -> Reservation:
    """The reservation as it was when it was made, whatever has become of it since."""
    held = reservation.held or Held(reservation.lines, reservation.first_draws or reservation.draws)
    return replace(
        reservation,
        state=ReservationState.HELD,
        lines=held.lines,
        draws=not_shipped(held.draws),
        deadline=reservation.first_deadline or reservation.deadline,
        resolve_time=None,
        order=None,
        first_deadline=None,
        held=None,
        first_draws=None,
    )


def not_shipped(draws: tuple[Draw, ...]) -> tuple[Draw, ...]:
    """The draws as they were before any of them left a warehouse."""
    return tuple(replace(draw, shipped=False) if draw.shipped else draw for draw in draws)


def lost_to(state: ReservationState) -> Failure:
    """The failure that names the winner."""
    return AlreadyResolved(
        f"This reservation was resolved already: {_WINNER[state]} won.", metadata={"winner": _WINNER[state]}
    )
