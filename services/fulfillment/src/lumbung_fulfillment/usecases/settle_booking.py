"""Settle a booking by what stock has answered, with everything that follows from it, in one transaction."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.bookings import Booking, BookingKind, BookingState, Verdict
from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.stores import bookings, journal, orders, put_backs, scans, shipments
from lumbung_fulfillment.stores.shipments import ShipmentState
from lumbung_fulfillment.usecases.cancel_order import cancel_order
from lumbung_kit.postgres import Conn

_CANCELLED_IN_STOCK = "cancelled in stock before it heard of this step"


async def settle_booking(conn: Conn, booking_id: UUID, verdict: Verdict, error: str) -> None:
    """No effect when another attempt has settled it. LATER is not an answer, and is not settled."""
    state = await _state_for(conn, booking_id, verdict)
    booking = await bookings.settle(conn, booking_id, state, error)
    if booking is None:
        return
    if verdict is Verdict.ORDER_CANCELLED:
        await _follow_cancellation(conn, booking)
    elif booking.step.kind is BookingKind.SHIP:
        await _settle_shipment(conn, booking)
    elif state is BookingState.REFUSED:
        await journal.booking_refused(conn, booking)


async def _state_for(conn: Conn, booking_id: UUID, verdict: Verdict) -> BookingState:
    """A refused shipment leaves nothing to be sent: the order is packed as before, and can be shipped anew."""
    if verdict is Verdict.DONE:
        return BookingState.DONE
    kind = (await bookings.get(conn, booking_id)).step.kind
    if verdict is Verdict.REFUSED and kind is not BookingKind.SHIP:
        return BookingState.REFUSED
    return BookingState.VOID


async def _settle_shipment(conn: Conn, booking: Booking) -> None:
    order = await orders.lock(conn, booking.step.order_id)
    shipment = await shipments.of_booking(conn, booking.booking_id)
    if shipment is None:
        raise AssertionError(f"booking {booking.booking_id} ships nothing")
    if booking.state is BookingState.DONE:
        await shipments.settle(conn, booking.booking_id, ShipmentState.SHIPPED)
        await orders.change_state(conn, order.order_id, OrderState.SHIPPED, before=[OrderState.SHIPPING])
        await journal.order_shipped(conn, order, shipment)
    else:
        await shipments.settle(conn, booking.booking_id, ShipmentState.VOID)
        await orders.change_state(conn, order.order_id, OrderState.PACKED, before=[OrderState.SHIPPING])


async def _follow_cancellation(conn: Conn, booking: Booking) -> None:
    """Stock's own event may have told us before; then only what this pick changes for the put-back is left."""
    step = booking.step
    if await cancel_order(conn, step.order_id, _CANCELLED_IN_STOCK) or step.kind is not BookingKind.PICK:
        return
    if await scans.counts(conn, booking.booking_id):
        await put_backs.note_unbooked(conn, step.order_id, step.sku_code, step.bin_code, step.quantity)
