"""What a Reserve is answered with: the first answer, whatever is asked again (P3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from lumbung_kit.failures import RequestIdReused
from lumbung_stock.domain.allocate import Decision
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservations import Draw, Refusal, Reservation, ReservationState, as_held

Times = tuple[datetime, datetime]
"""(create time, deadline) by Postgres' clock."""


def first_answer(cart: Cart, known: Mapping[str, Reservation]) -> Reservation | RequestIdReused:
    """What this request was answered first, unless its content was another."""
    reservation = known[cart.request_id]
    return as_made(reservation) if reservation.content_hash == cart.content_hash else RequestIdReused()


def as_made(reservation: Reservation) -> Reservation:
    """The reservation as its Reserve was answered, whatever has become of it since."""
    untouched = reservation.first_deadline is None and reservation.held is None
    if reservation.state is ReservationState.REFUSED or (
        reservation.state is ReservationState.HELD and untouched
    ):
        return reservation
    return as_held(reservation)


def unseen(carts: Sequence[Cart], known: Mapping[str, Reservation]) -> list[Cart]:
    """Carts to decide: each request once, in order of arrival."""
    first: dict[str, Cart] = {}
    for cart in carts:
        if cart.request_id not in known:
            first.setdefault(cart.request_id, cart)
    return list(first.values())


def decided(cart: Cart, decision: Decision, times: Times) -> Reservation:
    """The reservation that a decision makes, held or refused."""
    refused = isinstance(decision, Refusal)
    return Reservation(
        reservation_id=cart.reservation_id,
        request_id=cart.request_id,
        content_hash=cart.content_hash,
        state=ReservationState.REFUSED if refused else ReservationState.HELD,
        lines=cart.lines,
        channel_code=cart.channel_code,
        customer_reference=cart.customer_reference,
        flash_sale_code=cart.flash_sale_code or None,
        durability=cart.durability,
        deadline=times[1],
        create_time=times[0],
        resolve_time=None,
        order=None,
        refusal=decision if isinstance(decision, Refusal) else None,
        actor=cart.actor,
        traceparent=cart.traceparent,
        draws=() if isinstance(decision, Refusal) else tuple(sorted(decision, key=_key)),
    )


def _key(draw: Draw) -> tuple[str, str]:
    """The order in which the table gives draws back, so that an answer is the same when it is read again."""
    return draw.warehouse_code, draw.sku_code
