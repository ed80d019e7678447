"""What a batch of confirms, releases, expiries, extensions, cancellations and shipments does (P3, P4, P7).

The caller has locked the reservations and read everything that is handed in here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from lumbung_kit.failures import Failure, RequestIdReused
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.partial import part_of
from lumbung_stock.domain.reservation_failures import (
    AlreadyResolved,
    AlreadyShipped,
    HoldExpired,
    HoldLost,
    HoldTooLong,
    MoreThanHeld,
    NotConfirmed,
    NothingToShip,
    OrderReferenceTaken,
    ReservationNotFound,
    WasRefused,
)
from lumbung_stock.domain.reservations import (
    Draw,
    Durability,
    Held,
    Reservation,
    ReservationState,
    Resolution,
    Verb,
    as_held,
    next_state,
    not_shipped,
)

GIVES_BACK = (Verb.RELEASE, Verb.EXPIRE, Verb.CANCEL)
"""Verbs that return units to those who may still buy."""

HOLD_LIFE_MAX = timedelta(hours=24)
"""From its making to its last possible deadline, however often it is extended."""

RESERVE = 0
"""In place of a verb: the request_id was used for a Reserve."""


_DECLINES = {
    failure.reason: failure
    for failure in (
        AlreadyResolved,
        AlreadyShipped,
        HoldExpired,
        HoldLost,
        HoldTooLong,
        MoreThanHeld,
        NotConfirmed,
        NothingToShip,
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
    """What a request was answered before: the state that it left, at that time, or why it was refused.

    `verb` is a Verb's number or RESERVE; `deadline` is the one that an EXTEND was answered with.
    """

    reservation_id: UUID
    verb: int
    state: int
    content_hash: bytes
    time: datetime
    declined: Declined | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What one wish has done. `moved` says what the units of which draw went through: a partial confirm sells some
    and gives others back."""

    before: Reservation
    after: Reservation
    wish: Resolution
    moved: tuple[tuple[Verb, Draw], ...] = ()

    @property
    def resolves(self) -> bool:
        """Whether the reservation came to a new state: an extension, or a share that leaves before others, does not."""
        return self.before.state is not self.after.state


@dataclass(slots=True)
class Resolver:
    """Decides wishes one after another and gathers what changed, and what was answered for the first time.

    `taken_orders` are (channel, order reference) pairs that other reservations have.
    """

    reservations: dict[UUID, Reservation]
    earlier: dict[str, Earlier]
    taken_orders: set[tuple[str, str]]
    now: datetime
    changed: list[Change] = field(default_factory=list)
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
        _require_not_lost(reservation)
        state = next_state(reservation.state, wish.verb, deadline_passed=reservation.deadline <= self.now)
        match wish.verb:
            case Verb.EXTEND:
                return self._extend(reservation, wish)
            case Verb.CONFIRM:
                return self._confirm(reservation, wish)
            case Verb.SHIP:
                return self._ship(reservation, wish)
            case Verb.CANCEL:
                _require_nothing_shipped(reservation)
        if state is reservation.state:
            return reservation
        after = replace(reservation, state=state, resolve_time=self.now)
        return self._apply(Change(reservation, after, wish, _all(reservation, wish.verb)))

    def _extend(self, reservation: Reservation, wish: Resolution) -> Reservation:
        deadline = self.now + timedelta(seconds=wish.ttl_s)
        latest = reservation.create_time + HOLD_LIFE_MAX
        if deadline > latest:
            left_s = max(0, int((latest - self.now).total_seconds()))
            raise HoldTooLong(metadata={"ttl_s_max": str(left_s)})
        first = reservation.first_deadline or reservation.deadline
        after = replace(reservation, deadline=deadline, first_deadline=first)
        return self._apply(Change(reservation, after, wish))

    def _confirm(self, reservation: Reservation, wish: Resolution) -> Reservation:
        after = replace(
            reservation,
            state=ReservationState.CONFIRMED,
            resolve_time=self.now,
            order=wish.order or reservation.order,
        )
        moved = _all(reservation, Verb.CONFIRM)
        if wish.partial_lines:
            part = part_of(reservation, wish.partial_lines)
            if part.given_back:
                held = Held(reservation.lines, reservation.draws)
                after = replace(after, lines=part.lines, draws=part.kept, held=held)
                moved = _all(after, Verb.CONFIRM) + tuple((Verb.RELEASE, draw) for draw in part.given_back)
        if wish.order is not None:
            self._take_order(reservation.channel_code, wish.order.order_reference)
        return self._apply(Change(reservation, after, wish, moved))

    def _ship(self, reservation: Reservation, wish: Resolution) -> Reservation:
        leaving = shares_to_ship(reservation, wish.warehouse_code)
        draws = tuple(replace(draw, shipped=True) if draw in leaving else draw for draw in reservation.draws)
        after = replace(reservation, draws=draws)
        if all(draw.shipped for draw in draws):
            after = replace(after, state=ReservationState.SHIPPED, resolve_time=self.now)
        moved = tuple((Verb.SHIP, draw) for draw in leaving)
        return self._apply(Change(reservation, after, wish, moved))

    def _repeat(self, wish: Resolution, earlier: Earlier) -> Reservation | Failure:
        """The first answer, also when the reservation has gone on since."""
        same = (earlier.reservation_id, earlier.verb, earlier.content_hash)
        if same != (wish.reservation_id, wish.verb.value, wish.content_hash):
            return RequestIdReused()
        if earlier.declined is not None:
            return earlier.declined.again()
        return as_answered(self.reservations[wish.reservation_id], earlier)

    def _remember(self, wish: Resolution, answer: Reservation | Failure) -> None:
        declined = (
            Declined(answer.reason, answer.message, dict(answer.metadata))
            if isinstance(answer, Failure)
            else None
        )
        reservation = self.reservations[wish.reservation_id]
        earlier = Earlier(
            wish.reservation_id,
            wish.verb.value,
            int(reservation.state),
            wish.content_hash,
            self.now,
            declined,
            reservation.deadline if wish.verb is Verb.EXTEND else None,
        )
        self.earlier[wish.request_id] = earlier
        self.answered.append((wish, earlier))

    def _take_order(self, channel_code: str, order_reference: str) -> None:
        if (channel_code, order_reference) in self.taken_orders:
            raise OrderReferenceTaken(metadata={"order_reference": order_reference})
        self.taken_orders.add((channel_code, order_reference))

    def _apply(self, change: Change) -> Reservation:
        self.reservations[change.after.reservation_id] = change.after
        self.changed.append(change)
        return change.after


def as_answered(reservation: Reservation, earlier: Earlier) -> Reservation:
    """The reservation as an earlier request left it, whatever has become of it since."""
    state = ReservationState(earlier.state)
    if state is ReservationState.HELD:
        return replace(as_held(reservation), deadline=earlier.deadline or reservation.deadline)
    draws = reservation.draws if state is ReservationState.SHIPPED else not_shipped(reservation.draws)
    if state is ReservationState.CONFIRMED and reservation.first_draws is not None:
        draws = reservation.first_draws
    time = reservation.resolve_time if state is reservation.state else earlier.time
    return replace(reservation, state=state, draws=draws, resolve_time=time)


def shares_to_ship(reservation: Reservation, warehouse_code: str) -> tuple[Draw, ...]:
    """The draws that leave: those of one warehouse, or all when none is named. Raises NothingToShip."""
    leaving = tuple(
        draw for draw in reservation.draws if not draw.shipped and warehouse_code in ("", draw.warehouse_code)
    )
    if not leaving:
        raise NothingToShip(metadata={"warehouse_code": warehouse_code})
    return leaving


def _all(reservation: Reservation, verb: Verb) -> tuple[tuple[Verb, Draw], ...]:
    return tuple((verb, draw) for draw in reservation.draws)


def _require_nothing_shipped(reservation: Reservation) -> None:
    """A sale is taken back as a whole: once a parcel has left, the rest leaves too and comes back as a return."""
    gone = sorted({draw.warehouse_code for draw in reservation.draws if draw.shipped})
    if gone:
        raise AlreadyShipped(
            f"The share of {', '.join(gone)} has left already; take a return instead.",
            metadata={"warehouse_codes": ",".join(gone)},
        )


@dataclass(frozen=True, slots=True)
class EscrowChange:
    """Differences to one item of a sale's escrow."""

    flash_sale_code: str
    sku_code: str
    quota: int = 0
    remaining: int = 0
    shipped: int = 0
    returned: int = 0


@dataclass(frozen=True, slots=True)
class CreditDue:
    """What the gate has to be told of a hold: it keeps just these units by SKU; the rest is free again."""

    flash_sale_code: str
    reservation_id: UUID
    kept: Mapping[str, int] = field(default_factory=dict)


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


def escrow_changes(change: Change, on_sale: Collection[tuple[str, str]]) -> list[EscrowChange]:
    """What a change does to the sale's escrow. Units that come back go to the sale while it is open, then home."""
    code = change.after.flash_sale_code
    if code is None:
        return []
    return [
        _escrow_change(code, draw, verb)
        for verb, draw in change.moved
        if verb is not Verb.CONFIRM and (code, draw.sku_code) in on_sale
    ]


def _escrow_change(code: str, draw: Draw, verb: Verb) -> EscrowChange:
    if verb is Verb.SHIP:
        return EscrowChange(code, draw.sku_code, shipped=draw.quantity)
    if draw.from_escrow:
        return EscrowChange(code, draw.sku_code, remaining=draw.quantity)
    return EscrowChange(code, draw.sku_code, returned=draw.quantity)


def credits_due(changed: Sequence[Change]) -> list[CreditDue]:
    """What the gates have to be told: of holds whose units went back, wholly or in part."""
    return [
        CreditDue(change.after.flash_sale_code, change.after.reservation_id, _kept(change.after))
        for change in changed
        if change.after.flash_sale_code is not None
        and any(verb in GIVES_BACK and draw.from_escrow for verb, draw in change.moved)
    ]


def _kept(reservation: Reservation) -> dict[str, int]:
    """Escrow's units by SKU that a sold reservation has; one that was given back has none."""
    kept: dict[str, int] = {}
    if reservation.state is ReservationState.CONFIRMED:
        for draw in reservation.draws:
            if draw.from_escrow:
                kept[draw.sku_code] = kept.get(draw.sku_code, 0) + draw.quantity
    return kept


def skus_given_back(changed: Sequence[Change]) -> list[str]:
    """SKUs of which more can be promised now."""
    return sorted({draw.sku_code for change in changed for verb, draw in change.moved if verb in GIVES_BACK})


def escrow_keys(changed: Sequence[Change]) -> list[tuple[str, str]]:
    """(sale, SKU) of the escrow that may move. A sale of everything moves none, and must not wait for the
    committer."""
    return sorted(
        {
            (change.after.flash_sale_code, draw.sku_code)
            for change in changed
            if change.after.flash_sale_code is not None
            for verb, draw in change.moved
            if verb is not Verb.CONFIRM
        }
    )


def _require_not_lost(reservation: Reservation) -> None:
    """A soft hold was acknowledged by the gate and then refused by the ledger.

    Raises HoldLost.
    """
    if reservation.state is ReservationState.REFUSED and reservation.durability is Durability.SOFT:
        raise HoldLost(metadata={"reservation_id": str(reservation.reservation_id)})
