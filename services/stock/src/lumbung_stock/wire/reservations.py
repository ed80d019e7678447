"""Reservations as the contract shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.failures import Kind
from lumbung_stock.domain.flash_sales import shown_code
from lumbung_stock.domain.reservations import Line, OrderDetails, Refusal, Reservation, ReservationState

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOLD_EARLIER = timedelta(seconds=1)
"""Callers are told a deadline this much before the real one, so that a Confirm sent in time arrives in time."""


def timestamp(moment: datetime) -> Timestamp:
    """A moment on the wire."""
    message = Timestamp()
    _write_moment(message, moment)
    return message


def reservation_message(reservation: Reservation) -> pb.Reservation:
    """A reservation as it stands."""
    message = pb.Reservation()
    write_reservation(message, reservation)
    return message


def write_reservation(message: pb.Reservation, reservation: Reservation) -> None:
    """Writes a reservation as it stands into an empty message: one that is put into another is copied."""
    message.reservation_id = str(reservation.reservation_id)
    message.request_id = reservation.request_id
    message.state = pb.ReservationState.ValueType(reservation.state)
    _write_lines(message.lines, reservation.lines)
    for draw in reservation.draws:
        message.draws.add(
            warehouse_code=draw.warehouse_code,
            sku_code=draw.sku_code,
            quantity=draw.quantity,
            from_escrow=draw.from_escrow or draw.left_escrow,
            shipped=draw.shipped,
        )
    message.channel_code = reservation.channel_code
    message.customer_reference = reservation.customer_reference
    message.flash_sale_code = shown_code(reservation.flash_sale_code or "")
    _write_moment(message.create_time, reservation.create_time)
    message.durability = pb.Durability.ValueType(reservation.durability)
    message.actor = reservation.actor
    if reservation.state is not ReservationState.REFUSED:
        _write_moment(message.expire_time, reservation.deadline - TOLD_EARLIER)
    if reservation.held is not None:
        _write_lines(message.held_lines, reservation.held.lines)
    if reservation.resolve_time is not None:
        _write_moment(message.resolve_time, reservation.resolve_time)
    if reservation.order is not None:
        message.order.CopyFrom(order_message(reservation.order))


def _write_lines(messages: RepeatedCompositeFieldContainer[pb.ReserveLine], lines: Sequence[Line]) -> None:
    for line in lines:
        messages.add(sku_code=line.sku_code, quantity=line.quantity)


def _write_moment(message: Timestamp, moment: datetime) -> None:
    since = moment - _EPOCH  # FromDatetime takes four times as long
    message.seconds = since.days * 86_400 + since.seconds
    message.nanos = since.microseconds * 1_000


def order_message(order: OrderDetails) -> pb.OrderDetails:
    """An order's details."""
    return pb.OrderDetails(
        order_reference=order.order_reference,
        courier_service=order.courier_service,
        place_time=timestamp(order.place_time) if order.place_time else None,
        priority=order.priority,
        note=order.note,
    )


def refusal_message(refusal: Refusal) -> pb.Refusal:
    """A typed refusal, decided for good."""
    message = pb.Refusal(
        code=Kind.FAILED_PRECONDITION.value,
        reason=refusal.reason,
        message=refusal.message,
        lines=[
            pb.RefusedLine(
                line_index=line.line_index,
                sku_code=line.sku_code,
                asked_quantity=line.asked_quantity,
                available_quantity=line.available_quantity,
                blocking_sku_code=line.blocking_sku_code,
            )
            for line in refusal.lines
        ],
    )
    if refusal.retry_delay_s is not None:
        message.retry_delay.FromTimedelta(timedelta(seconds=refusal.retry_delay_s))
    return message
