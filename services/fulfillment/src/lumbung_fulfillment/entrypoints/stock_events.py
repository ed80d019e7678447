"""What fulfillment learns from stock's events: orders, cancellations, and goods that came to bins."""

from __future__ import annotations

from datetime import UTC
from uuid import UUID

import grpc

from lumbung.stock.v1 import events_pb2 as pb
from lumbung.stock.v1 import inventory_pb2, reservations_pb2
from lumbung_fulfillment.clients.stock_events import stock_events
from lumbung_fulfillment.domain.orders import ConfirmedReservation, Draw, SaleLine
from lumbung_fulfillment.usecases.accept_reservation import accept_reservation
from lumbung_fulfillment.usecases.cancel_order import cancel_reservation
from lumbung_fulfillment.usecases.clear_bin_doubts import clear_bin_doubts
from lumbung_fulfillment.usecases.resource_reservation import resource_reservation
from lumbung_kit import context
from lumbung_kit.events import Consumer, EventLog
from lumbung_kit.postgres import Conn, Postgres

ACTOR = "service:fulfillment"
_FILLS_OR_COUNTS = frozenset(
    {
        inventory_pb2.MOVEMENT_KIND_RECEIPT,
        inventory_pb2.MOVEMENT_KIND_MOVE,
        inventory_pb2.MOVEMENT_KIND_PUT_BACK,
        inventory_pb2.MOVEMENT_KIND_RETURN,
        inventory_pb2.MOVEMENT_KIND_ADJUSTMENT,
        inventory_pb2.MOVEMENT_KIND_TRANSFER,
        inventory_pb2.MOVEMENT_KIND_COUNT,
        inventory_pb2.MOVEMENT_KIND_PUTAWAY,
        inventory_pb2.MOVEMENT_KIND_QUARANTINE,
    }
)


def follow_stock(postgres: Postgres, channel: grpc.aio.Channel, log: EventLog) -> Consumer[pb.Event]:
    """The consumer whose `run` takes orders in; each event takes effect once."""
    return Consumer(
        name="stock",
        postgres=postgres,
        subscribe=stock_events(channel),
        apply=apply_stock_event,
        after_commit=log.poke,
    )


async def apply_stock_event(conn: Conn, event: pb.Event) -> None:
    """In the consumer's transaction. Other events do not concern the floor."""
    with context.acting_as(ACTOR):
        match event.WhichOneof("payload"):
            case "reservation_confirmed":
                await accept_reservation(conn, _sale(event.reservation_confirmed.reservation))
            case "reservation_resourced":
                await resource_reservation(conn, _sale(event.reservation_resourced.reservation))
            case "reservation_cancelled":
                cancelled = event.reservation_cancelled
                await cancel_reservation(conn, UUID(cancelled.reservation.reservation_id), cancelled.reason)
            case "stock_moved":
                await clear_bin_doubts(conn, _filled(event.stock_moved))
            case _:
                pass


def _sale(reservation: reservations_pb2.Reservation) -> ConfirmedReservation:
    order = reservation.order
    placed = order.place_time.ToDatetime(tzinfo=UTC) if order.HasField("place_time") else None
    return ConfirmedReservation(
        reservation_id=UUID(reservation.reservation_id),
        channel_code=reservation.channel_code,
        order_reference=order.order_reference,
        courier_service=order.courier_service,
        place_time=placed,
        priority=order.priority,
        note=order.note,
        sale_lines=tuple(SaleLine(line.sku_code, line.quantity) for line in reservation.lines),
        draws=tuple(Draw(draw.warehouse_code, draw.sku_code, draw.quantity) for draw in reservation.draws),
    )


def _filled(moved: pb.StockMoved) -> list[tuple[str, str, str]]:
    """(warehouse, place, SKU) of goods that came somewhere; places that are no bins are in no doubt."""
    return [
        (entry.warehouse_code, entry.to_place, entry.sku_code)
        for entry in moved.entries
        if entry.kind in _FILLS_OR_COUNTS
    ]
