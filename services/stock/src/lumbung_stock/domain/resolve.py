"""What a batch of confirms, releases, expiries, cancellations and shipments does (P3, P4, P7).

The caller has locked the reservations and read everything that is handed in here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from lumbung_kit.failures import Failure, RequestIdReused
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.reservation_failures import (
    AlreadyResolved,
    AlreadyShipped,
    HoldExpired,
    NotConfirmed,
    OrderReferenceTaken,
    ReservationNotFound,
    WasRefused,
)
from lumbung_stock.domain.reservations import (
    Draw,
    Reservation,
    ReservationState,
    Resolution,
    Verb,
    next_state,
)

GIVES_BACK = (Verb.RELEASE, Verb.EXPIRE, Verb.CANCEL)
"""Verbs that return units to those who may still buy."""


_DECLINES = {
    failure.reason: failure
    for failure in (
        AlreadyResolved,
        AlreadyShipped,
        HoldExpired,
        NotConfirmed,
        OrderReferenceTaken,
        WasRefused,
    )
}


@dataclass(frozen=True, slots=True)
class Declined:
    """Why a wish was refused, kept so that the same request is refused again, whatever has changed since (P3)."""

    reason: str
    message: str
    metadata: Mapping[str, str]

    def again(self) -> Failure:
        """The refusal once more."""
        return _DECLINES[self.reason](self.message, metadata=self.metadata)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a request was answered before: the state that it left, at that time, or why it was refused."""

    reservation_id: UUID
    verb: int
    state: int
    content_hash: bytes
    time: datetime
    declined: Declined | None = None


@dataclass(slots=True)
class Resolver:
    """Decides wishes one after another and gathers what changed, and what was answered for the first time.

    `taken_orders` are (channel, order reference) pairs that other reservations have.
    """

    reservations: dict[UUID, Reservation]
    earlier: dict[str, Earlier]
    taken_orders: set[tuple[str, str]]
    now: datetime
    changed: list[tuple[Reservation, Resolution]] = field(default_factory=list)
    answered: list[tuple[Resolution, Earlier]] = field(default_factory=list)

    def decide(self, wish: Resolution) -> Reservation | Failure:
        """The reservation as it stands for this caller, or why not."""
        if wish.request_id in self.earlier:
            return self._repeat(wish, self.earlier[wish.request_id])
        try:
            answer: Reservation | Failure = self._decide(wish)
        except Failure as failure:
            answer = failure
        if wish.request_id and wish.reservation_id in self.reservations:
            self._remember(wish, answer)
        return answer

    def _decide(self, wish: Resolution) -> Reservation:
        reservation = self.reservations.get(wish.reservation_id)
        if reservation is None:
            raise ReservationNotFound(metadata={"reservation_id": str(wish.reservation_id)})
        state = next_state(reservation.state, wish.verb, deadline_passed=reservation.deadline <= self.now)
        if state is reservation.state:
            return reservation
        if wish.order is not None:
            self._take_order(reservation.channel_code, wish.order.order_reference)
        return self._apply(reservation, wish, state)

    def _repeat(self, wish: Resolution, earlier: Earlier) -> Reservation | Failure:
        """The first answer, also when the reservation has gone on since."""
        same = (earlier.reservation_id, earlier.verb, earlier.content_hash)
        if same != (wish.reservation_id, wish.verb.value, wish.content_hash):
            return RequestIdReused()
        if earlier.declined is not None:
            return earlier.declined.again()
        reservation = self.reservations[wish.reservation_id]
        if reservation.state == earlier.state:
            return reservation
        return replace(reservation, state=ReservationState(earlier.state), resolve_time=earlier.time)

    def _remember(self, wish: Resolution, answer: Reservation | Failure) -> None:
        declined = (
            Declined(answer.reason, answer.message, dict(answer.metadata))
            if isinstance(answer, Failure)
            else None
        )
        state = self.reservations[wish.reservation_id].state
        earlier = Earlier(
            wish.reservation_id, wish.verb.value, int(state), wish.content_hash, self.now, declined
        )
        self.earlier[wish.request_id] = earlier
        self.answered.append((wish, earlier))

    def _take_order(self, channel_code: str, order_reference: str) -> None:
        if (channel_code, order_reference) in self.taken_orders:
            raise OrderReferenceTaken(metadata={"order_reference": order_reference})
        self.taken_orders.add((channel_code, order_reference))

    def _apply(self, reservation: Reservation, wish: Resolution, state: ReservationState) -> Reservation:
        after = replace(
            reservation, state=state, resolve_time=self.now, order=wish.order or reservation.order
        )
        self.reservations[reservation.reservation_id] = after
        self.changed.append((after, wish))
        return after


@dataclass(frozen=True, slots=True)
class EscrowChange:
    """Differences to one item of a sale's escrow."""

    flash_sale_code: str
    sku_code: str
    remaining: int = 0
    shipped: int = 0
    returned: int = 0


def level_change(draw: Draw, verb: Verb) -> LevelChange:
    """What a verb does to the level that a draw takes from."""
    units = draw.quantity
    key = (draw.warehouse_code, draw.sku_code)
    if verb is Verb.SHIP:
        return (
            LevelChange(*key, on_hand=-units, escrow=-units)
            if draw.from_escrow
            else LevelChange(*key, on_hand=-units, sold=-units)
        )
    if draw.from_escrow:
        return LevelChange(*key)
    if verb is Verb.CONFIRM:
        return LevelChange(*key, held=-units, sold=units)
    return LevelChange(*key, sold=-units) if verb is Verb.CANCEL else LevelChange(*key, held=-units)


def escrow_changes(
    reservation: Reservation, verb: Verb, on_sale: Collection[tuple[str, str]]
) -> list[EscrowChange]:
    """What a verb does to the sale's escrow. Units that come back go to the sale while it is open, then home."""
    code = reservation.flash_sale_code
    if code is None or verb is Verb.CONFIRM:
        return []
    changes = []
    for draw in reservation.draws:
        if (code, draw.sku_code) not in on_sale:
            continue
        if verb is Verb.SHIP:
            changes.append(EscrowChange(code, draw.sku_code, shipped=draw.quantity))
        elif draw.from_escrow:
            changes.append(EscrowChange(code, draw.sku_code, remaining=draw.quantity))
        else:
            changes.append(EscrowChange(code, draw.sku_code, returned=draw.quantity))
    return changes


def credits_due(changed: Collection[tuple[Reservation, Resolution]]) -> list[tuple[str, UUID]]:
    """Which holds' units the gate has to be given back, as (sale, reservation)."""
    return [
        (reservation.flash_sale_code, reservation.reservation_id)
        for reservation, wish in changed
        if wish.verb in GIVES_BACK
        and reservation.flash_sale_code is not None
        and any(draw.from_escrow for draw in reservation.draws)
    ]


def skus_given_back(changed: Collection[tuple[Reservation, Resolution]]) -> list[str]:
    """SKUs of which more can be promised now."""
    return sorted(
        {
            draw.sku_code
            for reservation, wish in changed
            if wish.verb in GIVES_BACK
            for draw in reservation.draws
        }
    )


def escrow_keys(changed: Collection[tuple[Reservation, Resolution]]) -> list[tuple[str, str]]:
    """(sale, SKU) of the escrow that may move. A Confirm moves none, and must not wait for the committer."""
    return sorted(
        {
            (reservation.flash_sale_code, draw.sku_code)
            for reservation, wish in changed
            if reservation.flash_sale_code is not None and wish.verb is not Verb.CONFIRM
            for draw in reservation.draws
        }
    )
