"""The events that tell others what happened on the floor, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.fulfillment.v1 import events_pb2 as pb
from lumbung_fulfillment.domain.bookings import Booking
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.returns import Decision, Return
from lumbung_fulfillment.domain.sessions import PutBack
from lumbung_fulfillment.domain.waves import Wave
from lumbung_fulfillment.stores.shipments import HandOver, Shipment
from lumbung_fulfillment.stores.waves import NewWave
from lumbung_kit import events
from lumbung_kit.events import NewEvent
from lumbung_kit.postgres import Conn


async def _append(conn: Conn, kind: str, subject: UUID, payload: Message) -> None:
    await events.append(conn, [_event(kind, subject, payload)])


def _event(kind: str, subject: UUID, payload: Message) -> NewEvent:
    """`kind` is the field of Event's oneof that the payload belongs in."""
    return NewEvent(kind=kind, payload=payload.SerializeToString(), subject=str(subject))


def _key(order: Order) -> pb.OrderKey:
    return pb.OrderKey(
        order_id=str(order.order_id),
        reservation_id=str(order.reservation_id),
        warehouse_code=order.warehouse_code,
        channel_code=order.channel_code,
        order_reference=order.order_reference,
    )


def _quantities(quantities: Mapping[str, int]) -> list[pb.EventQuantity]:
    return [pb.EventQuantity(sku_code=sku, quantity=units) for sku, units in quantities.items() if units]


async def order_accepted(conn: Conn, order: Order) -> None:
    """An order was taken from stock."""
    pickup = Timestamp()
    if order.pickup_time:
        pickup.FromDatetime(order.pickup_time)
    payload = pb.OrderAccepted(
        order=_key(order),
        lines=_quantities({line.sku_code: line.quantity for line in order.lines}),
        courier_service=order.courier_service,
        pickup_time=pickup if order.pickup_time else None,
    )
    await _append(conn, "order_accepted", order.order_id, payload)


async def waves_planned(conn: Conn, plan_id: UUID, warehouse_code: str, waves: Sequence[NewWave]) -> None:
    """Waves were planned."""
    await events.append(
        conn,
        [
            _event(
                "wave_planned",
                wave.wave_id,
                pb.WavePlanned(
                    wave_id=str(wave.wave_id),
                    plan_id=str(plan_id),
                    warehouse_code=warehouse_code,
                    order_ids=[str(order.order_id) for order in wave.orders],
                    task_count=wave.task_count,
                    walk_m=wave.walk_m,
                    order_by_order_walk_m=wave.order_by_order_walk_m,
                ),
            )
            for wave in waves
        ],
    )


async def wave_claimed(conn: Conn, wave: Wave, recovered: bool) -> None:
    """A terminal took a wave."""
    payload = pb.WaveClaimed(
        wave_id=str(wave.wave_id),
        terminal_code=wave.terminal_code,
        cart_code=wave.cart_code,
        recovered=recovered,
    )
    await _append(conn, "wave_claimed", wave.wave_id, payload)


async def wave_done(conn: Conn, wave_id: UUID, warehouse_code: str) -> None:
    """A wave has no open task left."""
    await _append(
        conn, "wave_done", wave_id, pb.WaveDone(wave_id=str(wave_id), warehouse_code=warehouse_code)
    )


async def wave_cancelled(conn: Conn, wave: Wave, order_ids: Sequence[UUID]) -> None:
    """A wave was taken apart."""
    payload = pb.WaveCancelled(
        wave_id=str(wave.wave_id),
        warehouse_code=wave.warehouse_code,
        order_ids=[str(order_id) for order_id in order_ids],
    )
    await _append(conn, "wave_cancelled", wave.wave_id, payload)


async def short_pick(
    conn: Conn, order: Order, wave_id: UUID, bin_code: str, sku_code: str, missing: int, resourced: int
) -> None:
    """A bin had less than was asked."""
    payload = pb.ShortPick(
        order=_key(order),
        wave_id=str(wave_id),
        bin_code=bin_code,
        sku_code=sku_code,
        missing_quantity=missing,
        resourced_quantity=resourced,
    )
    await _append(conn, "short_pick", order.order_id, payload)


async def order_short(conn: Conn, order: Order) -> None:
    """An order went back to the queue with goods missing."""
    missing = _quantities({line.sku_code: line.open_quantity for line in order.lines})
    await _append(conn, "order_short", order.order_id, pb.OrderShort(order=_key(order), missing=missing))


async def order_picked(conn: Conn, order: Order, wave_id: UUID | None) -> None:
    """Everything of an order is picked; by no wave when the rest is no longer wanted."""
    payload = pb.OrderPicked(order=_key(order), wave_id=str(wave_id or ""))
    await _append(conn, "order_picked", order.order_id, payload)


async def order_packed(conn: Conn, order: Order, package_id: UUID) -> None:
    """An order is packed and checked."""
    payload = pb.OrderPacked(order=_key(order), package_id=str(package_id))
    await _append(conn, "order_packed", order.order_id, payload)


async def order_shipped(conn: Conn, order: Order, shipment: Shipment) -> None:
    """An order left the warehouse."""
    payload = pb.OrderShipped(
        order=_key(order),
        shipment_id=str(shipment.shipment_id),
        courier_service=shipment.courier_service,
        tracking_number=shipment.tracking_number,
    )
    await _append(conn, "order_shipped", order.order_id, payload)


async def order_held(conn: Conn, order: Order, reason: str) -> None:
    """A person stopped an order."""
    await _append(conn, "order_held", order.order_id, pb.OrderHeld(order=_key(order), reason=reason))


async def order_resumed(conn: Conn, order: Order) -> None:
    """A held order goes on."""
    await _append(conn, "order_resumed", order.order_id, pb.OrderResumed(order=_key(order)))


async def manifest_handed_over(conn: Conn, signed: HandOver, parcels: Sequence[Shipment]) -> None:
    """A courier signed for some parcels: one event for the signature, one for each parcel."""
    pickup = Timestamp()
    pickup.FromDatetime(signed.pickup_time)
    summary = pb.ManifestHandedOver(
        hand_over_id=str(signed.hand_over_id),
        warehouse_code=signed.warehouse_code,
        courier_service=signed.courier_service,
        pickup_time=pickup,
        courier_reference=signed.courier_reference,
        parcel_count=len(parcels),
    )
    each = [_event("order_handed_over", parcel.order_id, _handed_over(signed, parcel)) for parcel in parcels]
    await events.append(conn, [_event("manifest_handed_over", signed.hand_over_id, summary), *each])


def _handed_over(signed: HandOver, parcel: Shipment) -> pb.OrderHandedOver:
    key = pb.OrderKey(
        order_id=str(parcel.order_id),
        reservation_id=str(parcel.reservation_id),
        warehouse_code=parcel.warehouse_code,
        channel_code=parcel.channel_code,
        order_reference=parcel.order_reference,
    )
    return pb.OrderHandedOver(
        order=key, shipment_id=str(parcel.shipment_id), hand_over_id=str(signed.hand_over_id)
    )


async def order_cancelled(conn: Conn, order: Order, reason: str, put_back: Mapping[str, int]) -> None:
    """An order was cancelled."""
    payload = pb.OrderCancelled(order=_key(order), reason=reason, put_back=_quantities(put_back))
    await _append(conn, "order_cancelled", order.order_id, payload)


async def put_back_done(conn: Conn, order: Order, put_back: PutBack) -> None:
    """Goods of a cancelled order are back in a bin."""
    payload = pb.PutBackDone(
        order=_key(order),
        put_back_id=str(put_back.put_back_id),
        sku_code=put_back.sku_code,
        quantity=put_back.quantity,
    )
    await _append(conn, "put_back_done", order.order_id, payload)


async def return_received(conn: Conn, order: Order, received: Return) -> None:
    """Goods came back."""
    payload = pb.ReturnReceived(
        order=_key(order),
        return_id=str(received.return_id),
        lines=_quantities({line.sku_code: line.quantity for line in received.lines}),
    )
    await _append(conn, "return_received", order.order_id, payload)


async def return_inspected(conn: Conn, order: Order, return_id: UUID, decisions: Sequence[Decision]) -> None:
    """Returned goods were decided about."""
    payload = pb.ReturnInspected(order=_key(order), return_id=str(return_id))
    lists = {"restock": payload.restocked, "quarantine": payload.quarantined, "scrap": payload.scrapped}
    for decision in decisions:
        lists[decision.condition.value].add(sku_code=decision.sku_code, quantity=decision.quantity)
    await _append(conn, "return_inspected", order.order_id, payload)


async def booking_refused(conn: Conn, booking: Booking) -> None:
    """Stock refused a booking for good."""
    payload = pb.BookingRefused(
        booking_id=str(booking.booking_id), order_id=str(booking.step.order_id), reason=booking.last_error
    )
    await _append(conn, "booking_refused", booking.booking_id, payload)
