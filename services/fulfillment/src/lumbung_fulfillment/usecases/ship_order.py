"""Ask stock to book a packed order out; the parcel may go when stock has done so."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.bookings import BookingKind, BookingState, Step
from lumbung_fulfillment.domain.failures import OrderCancelled, OrderWrongState
from lumbung_fulfillment.domain.orders import Order, OrderState
from lumbung_fulfillment.stores import bookings, orders, packages, shipments
from lumbung_fulfillment.stores.shipments import Shipment
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn


async def ship_order(conn: Conn, order_id: UUID, tracking_number: str, request_id: str) -> Shipment:
    """A shipment in state SHIPPING. Raises OrderNotFound, OrderWrongState, OrderCancelled."""
    order = await orders.lock(conn, order_id)
    if order.state is OrderState.CANCELLED:
        raise OrderCancelled(metadata={"order_id": str(order_id)})
    order.require(OrderState.PACKED)
    await _require_unblocked(conn, order)
    package = await packages.of_order(conn, order_id)
    if package is None:
        raise AssertionError(f"packed order {order_id} has no parcel")
    step = Step(
        BookingKind.SHIP,
        order_id,
        order.reservation_id,
        order.warehouse_code,
        document=tracking_number or str(package.package_id),
    )
    booking_id = await bookings.queue(conn, step, f"Ship/{request_id}")
    shipment_id = new_id()
    await shipments.insert(conn, shipment_id, order, package.package_id, tracking_number, booking_id)
    await orders.change_state(conn, order_id, OrderState.SHIPPING, before=[OrderState.PACKED])
    return await shipments.get(conn, shipment_id)


async def _require_unblocked(conn: Conn, order: Order) -> None:
    """Stock would never hear of it while a person has to look at an earlier step."""
    for booking in await bookings.of_order(conn, order.order_id):
        if booking.state is BookingState.REFUSED:
            raise OrderWrongState(
                f"stock refused an earlier {booking.step.kind.value} of this order: {booking.last_error}",
                metadata={"booking_id": str(booking.booking_id), "state": order.state.name},
            )
