"""Reservations as the contract shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.failures import Kind
from lumbung_stock.domain.flash_sales import shown_code
from lumbung_stock.domain.reservations import Line, OrderDetails, Refusal, Reservation, ReservationState

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOLD_EARLIER = timedelta(seconds=1)
"""Callers are told a deadline this much before the real one, so that a Confirm sent in time arrives in time."""


def timestamp(moment: datetime) -> Timestamp:
    """A moment on the wire."""
    since = moment - _EPOCH  # FromDatetime takes four times as long
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def reservation_message(reservation: Reservation) -> pb.Reservation:
    """A reservation as it stands."""
    message = pb.Reservation(
        reservation_id=str(reservation.reservation_id),
        request_id=reservation.request_id,
        state=pb.ReservationState.ValueType(reservation.state),
        lines=_lines(reservation.lines),
        draws=[
            pb.Draw(
                warehouse_code=draw.warehouse_code,
                sku_code=draw.sku_code,
                quantity=draw.quantity,
                from_escrow=draw.from_escrow or draw.left_escrow,
                shipped=draw.shipped,
            )
            for draw in reservation.draws
        ],
        channel_code=reservation.channel_code,
        customer_reference=reservation.customer_reference,
        flash_sale_code=shown_code(reservation.flash_sale_code or ""),
        create_time=timestamp(reservation.create_time),
        durability=pb.Durability.ValueType(reservation.durability),
        actor=reservation.actor,
    )
    if reservation.state is not ReservationState.REFUSED:
        message.expire_time.CopyFrom(timestamp(reservation.deadline - TOLD_EARLIER))
    if reservation.held is not None:
        message.held_lines.extend(_lines(reservation.held.lines))
    if reservation.resolve_time is not None:
        message.resolve_time.CopyFrom(timestamp(reservation.resolve_time))
    if reservation.order is not None:
        message.order.CopyFrom(order_message(reservation.order))
    return message


def _lines(lines: Sequence[Line]) -> list[pb.ReserveLine]:
    return [pb.ReserveLine(sku_code=line.sku_code, quantity=line.quantity) for line in lines]


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
