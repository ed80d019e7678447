"""Reservation requests, checked, as domain objects; refusals as failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit import context, telemetry
from lumbung_kit.failures import BadInput, Failure, Internal, RequestIdReused
from lumbung_kit.idempotency import content_hash
from lumbung_kit.ids import new_id
from lumbung_kit.metrics import counter
from lumbung_kit.status import DETAILS_BYTES_MAX
from lumbung_kit.validate import QUANTITY_MAX, Check, is_code
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservation_failures import (
    ChannelNotOnSale,
    CustomerLimitReached,
    FlashSaleNotOpen,
    OutOfStock,
)
from lumbung_stock.domain.reservations import (
    Durability,
    Line,
    OrderDetails,
    Refusal,
    Reservation,
    Resolution,
    Verb,
)
from lumbung_stock.domain.soft_holds import soft_id
from lumbung_stock.domain.sourcing import BY_PRIORITY, Sourcing, SourcingPolicy
from lumbung_stock.entrypoints.geo_messages import point_of
from lumbung_stock.wire.reservations import refusal_message, write_reservation

LINES_MAX: Final = 100
LINES_REMEMBERED: Final = 4096
REFUSALS_REMEMBERED: Final = 256
REQUEST_ID_LENGTH_MAX: Final = 64
TTL_S_MIN: Final = 10
TTL_S_MAX: Final = 24 * 3600
TTL_S_DEFAULT: Final = 15 * 60
FLASH_SALE_CODE_LENGTH_MAX: Final = 32
TICKET_LENGTH_MAX: Final = 64

_POLICIES: Final = {policy.value: policy for policy in SourcingPolicy}

_REFUSALS: Final = {
    failure.reason: failure
    for failure in (OutOfStock, CustomerLimitReached, FlashSaleNotOpen, ChannelNotOnSale, RequestIdReused)
}


_ANSWERED = counter(
    "lumbung_stock_reservations", "Answers to reservations, held or refused for good", ["outcome"]
)
_answered = lru_cache(64)(_ANSWERED.labels)


def cart_of(request: pb.ReserveRequest) -> Cart:
    """A checked cart, its lines as if each named a plain SKU: bundles are not expanded yet.

    Raises BadInput naming every field that is wrong.
    """
    check = Check()
    lines = check.items("lines", request.lines, maximum=LINES_MAX)
    cart = Cart(
        reservation_id=soft_id(new_id()) if request.durability == pb.DURABILITY_SOFT else new_id(),
        request_id=check.request_id(request.request_id),
        content_hash=content_hash(request, without=("request_id", "waiting_ticket")),
        lines=tuple([_line(check, index, line) for index, line in enumerate(lines)]),
        channel_code=check.code("channel_code", request.channel_code),
        customer_reference=check.text(
            "customer_reference", request.customer_reference, max_length=64, required=False
        ),
        ttl_s=check.span_s("ttl", request.ttl, minimum_s=TTL_S_MIN, maximum_s=TTL_S_MAX, default_s=None)
        if request.HasField("ttl")
        else TTL_S_DEFAULT,
        durability=_durability(check, request.durability),
        warehouse_code=optional_code(check, "warehouse_code", request.warehouse_code),
        flash_sale_code=optional_code(
            check, "flash_sale_code", request.flash_sale_code, max_length=FLASH_SALE_CODE_LENGTH_MAX
        ),
        actor=context.actor(),
        traceparent=telemetry.current_traceparent(),
        sourcing=_sourcing(check, request),
        waiting_ticket=_ticket(check, request),
    )
    check.done()
    return cart


def confirm_of(request: pb.ConfirmRequest) -> Resolution:
    """A checked wish to sell a hold. Raises BadInput."""
    check = Check()
    partial = check.items("partial_lines", request.partial_lines, minimum=0, maximum=LINES_MAX)
    order = request.order
    details = OrderDetails(
        order_reference=check.text("order.order_reference", order.order_reference, max_length=64),
        courier_service=check.text(
            "order.courier_service", order.courier_service, max_length=32, required=False
        ),
        place_time=moment(check, "order.place_time", order.place_time)
        if order.HasField("place_time")
        else None,
        priority=check.whole("order.priority", order.priority, minimum=0, maximum=9),
        note=check.text("order.note", order.note, max_length=500, required=False),
    )
    wish = replace(
        _wish(check, request, Verb.CONFIRM),
        order=details,
        partial_lines=tuple(
            _sku_and_units(check, f"partial_lines[{index}]", line) for index, line in enumerate(partial)
        ),
    )
    check.done()
    return wish


def soft_hold_of(request: pb.ConfirmRequest) -> Cart | None:
    """The cart that made the soft hold, if the caller says which it was. Raises BadInput, its fields by their path."""
    if not request.HasField("soft_hold"):
        return None
    check = Check()
    if request.soft_hold.durability != pb.DURABILITY_SOFT:
        check.add("soft_hold.durability", "must be DURABILITY_SOFT: other holds are not lost")
    try:
        cart = cart_of(request.soft_hold)
    except BadInput as bad:
        for violation in bad.fields:
            check.add(f"soft_hold.{violation.field}", violation.description)
    check.done()
    return cart


def release_of(request: pb.ReleaseRequest) -> Resolution:
    """A checked wish to give a hold back. Raises BadInput."""
    check = Check()
    reason = check.text("reason", request.reason, max_length=200, required=False)
    wish = replace(_wish(check, request, Verb.RELEASE), reason=reason)
    check.done()
    return wish


def extend_of(request: pb.ExtendHoldRequest) -> Resolution:
    """A checked wish to move a hold's deadline. Raises BadInput."""
    check = Check()
    ttl = request.ttl if request.HasField("ttl") else None
    ttl_s = check.span_s("ttl", ttl, minimum_s=TTL_S_MIN, maximum_s=TTL_S_MAX, default_s=None)
    wish = replace(_wish(check, request, Verb.EXTEND), ttl_s=ttl_s)
    check.done()
    return wish


def cancel_of(request: pb.CancelReservationRequest) -> Resolution:
    """A checked wish to take a sale back. Raises BadInput."""
    check = Check()
    reason = check.text("reason", request.reason, max_length=200)
    wish = replace(_wish(check, request, Verb.CANCEL), reason=reason)
    check.done()
    return wish


def optional_code(check: Check, field: str, value: str, *, max_length: int = 64) -> str:
    """A code, or nothing."""
    return check.code(field, value, max_length=max_length) if value else ""


def refused(refusal: Refusal) -> Failure:
    """The failure that a refusal is answered with: the refusal itself travels in the status details."""
    failure = _REFUSALS.get(refusal.reason, Internal)
    return failure(refusal.message, retry_after_s=refusal.retry_delay_s, details=[_in_status(refusal)])


def refused_outcome(request: pb.ReserveRequest, failure: Failure) -> pb.ReserveOutcome:
    """A failure of one reservation among many."""
    fields = "; ".join(f"{violation.field} {violation.description}" for violation in failure.fields)
    refusal = refusal_message(Refusal(failure.reason, fields or failure.message, (), failure.retry_after_s))
    refusal.code = failure.kind.value
    return pb.ReserveOutcome(request_id=request.request_id[:REQUEST_ID_LENGTH_MAX], refusal=refusal)


def decided_outcome(request: pb.ReserveRequest, reservation: Reservation) -> pb.ReserveOutcome:
    """Held, or refused for good."""
    _count(reservation)
    outcome = pb.ReserveOutcome(request_id=request.request_id)
    if reservation.refusal is not None:
        outcome.refusal.CopyFrom(refusal_message(reservation.refusal))
    else:
        write_reservation(outcome.reservation, reservation)
    return outcome


def _count(reservation: Reservation) -> None:
    _answered("HELD" if reservation.refusal is None else reservation.refusal.reason).inc()


@lru_cache(REFUSALS_REMEMBERED)
def _in_status(refusal: Refusal) -> pb.Refusal:
    """As many of its lines as fit: a client takes 8 KiB of status details, and would lose the whole status.

    Made once for all who hear the same; nobody changes it.
    """
    message = refusal_message(refusal)
    while message.ByteSize() > DETAILS_BYTES_MAX:
        message.lines.pop()
    return message


def held_or_refused(reservation: Reservation) -> Reservation:
    """The reservation, unless it was refused when it was asked for; then raises that refusal, again."""
    _count(reservation)
    if reservation.refusal is not None:
        raise refused(reservation.refusal)
    return reservation


def _wish(
    check: Check,
    request: pb.ConfirmRequest | pb.ReleaseRequest | pb.ExtendHoldRequest | pb.CancelReservationRequest,
    verb: Verb,
) -> Resolution:
    return Resolution(
        reservation_id=check.uuid("reservation_id", request.reservation_id),
        verb=verb,
        request_id=check.request_id(request.request_id),
        actor=context.actor(),
        content_hash=content_hash(request),
        traceparent=telemetry.current_traceparent(),
    )


def _line(check: Check, index: int, line: pb.ReserveLine) -> Line:
    return _right_line(line.sku_code, line.quantity) or Line(
        *_sku_and_units(check, f"lines[{index}]", line), components=()
    )


@lru_cache(LINES_REMEMBERED)
def _right_line(sku_code: str, quantity: int) -> Line | None:
    """The line of a plain SKU, if nothing is wrong with it: in a sale everybody wants the same few."""
    if is_code(sku_code) and 1 <= quantity <= QUANTITY_MAX:
        return Line(sku_code, quantity, ((sku_code, 1),))
    return None


def _sku_and_units(check: Check, field: str, line: pb.ReserveLine) -> tuple[str, int]:
    sku_code = check.code(f"{field}.sku_code", line.sku_code)
    return sku_code, check.quantity(f"{field}.quantity", line.quantity)


def _sourcing(check: Check, request: pb.ReserveRequest) -> Sourcing:
    """How an ordinary cart wants to be sourced; a flash sale's plan says itself which warehouses give."""
    destination = None
    if request.HasField("destination"):
        destination = point_of(check, "destination", request.destination)
    if not (request.sourcing or request.allow_split or destination):
        return BY_PRIORITY
    if request.flash_sale_code:
        for field in ("sourcing", "allow_split", "destination"):
            if field in {descriptor.name for descriptor, _ in request.ListFields()}:
                check.add(
                    field, "must not be set with flash_sale_code: the sale's plan says which warehouses give"
                )
    if request.sourcing:
        check.choice("sourcing", request.sourcing, pb.SourcingPolicy)
    if request.sourcing == pb.SOURCING_POLICY_NEAREST and destination is None:
        check.add("destination", "must be set for the nearest warehouse")
    policy = _POLICIES.get(request.sourcing, SourcingPolicy.PRIORITY)
    return Sourcing(policy, request.allow_split, destination)


def _ticket(check: Check, request: pb.ReserveRequest) -> str:
    ticket: str = request.waiting_ticket
    if ticket and not request.flash_sale_code:
        check.add("waiting_ticket", "must not be set without flash_sale_code")
    elif ticket:
        check.text("waiting_ticket", ticket, max_length=TICKET_LENGTH_MAX)
    return ticket


def _durability(check: Check, value: int) -> Durability:
    if value:
        check.choice("durability", value, pb.Durability)
    return Durability.SOFT if value == pb.DURABILITY_SOFT else Durability.DURABLE


def moment(check: Check, field: str, value: Timestamp) -> datetime | None:
    """A time of the wire; notes a violation and returns None when it is out of range."""
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        check.add(field, "must be a time between the years 1 and 9999")
        return None
