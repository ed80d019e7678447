"""Parcels on their way out, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.failures import ShipmentNotFound
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "shipments.sql")
_INSERT, _GET, _OF_BOOKING, _PAGE = (_SQL[name] for name in ("insert", "get", "of_booking", "page"))
_OF_PICKUP, _MISSING = _SQL["of_pickup"], _SQL["missing_from_pickup"]
_SETTLE, _VOID_OF_ORDER = _SQL["settle"], _SQL["void_of_order"]


class ShipmentState(Enum):
    """Where a shipment stands."""

    SHIPPING = "shipping"
    SHIPPED = "shipped"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel on its way out."""

    shipment_id: UUID
    order_id: UUID
    package_id: UUID
    state: ShipmentState
    courier_service: str
    tracking_number: str
    pickup_time: datetime | None
    booking_id: UUID
    create_time: datetime
    ship_time: datetime | None
    reservation_id: UUID
    warehouse_code: str
    channel_code: str
    order_reference: str


def _shipment(row: Row) -> Shipment:
    fields = {name: value for name, value in row.items() if name != "actor"}
    return Shipment(**fields | {"state": ShipmentState(row["state"])})


async def insert(
    conn: Conn, shipment_id: UUID, order: Order, package_id: UUID, tracking_number: str, booking_id: UUID
) -> None:
    """A parcel that stock has been asked to book out."""
    row = {
        "shipment_id": shipment_id,
        "order_id": order.order_id,
        "package_id": package_id,
        "courier_service": order.courier_service,
        "tracking_number": tracking_number,
        "pickup_time": order.pickup_time,
        "booking_id": booking_id,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT, row)


async def get(conn: Conn, shipment_id: UUID) -> Shipment:
    """Raises ShipmentNotFound."""
    row = await fetch_one(conn, _GET, {"shipment_id": shipment_id})
    if row is None:
        raise ShipmentNotFound(metadata={"shipment_id": str(shipment_id)})
    return _shipment(row)


async def of_booking(conn: Conn, booking_id: UUID) -> Shipment | None:
    """The shipment that a booking is about."""
    row = await fetch_one(conn, _OF_BOOKING, {"booking_id": booking_id})
    return _shipment(row) if row else None


async def page(
    conn: Conn, warehouse_code: str, order_id: UUID | None, before: tuple[datetime, UUID], limit: int
) -> list[Shipment]:
    """Newest first, before a place in that order."""
    parameters = {
        "warehouse_code": warehouse_code,
        "order_id": order_id,
        "before_time": before[0],
        "before_id": before[1],
        "limit": limit,
    }
    return [_shipment(row) for row in await fetch(conn, _PAGE, parameters)]


async def manifest(
    conn: Conn, warehouse_code: str, courier_service: str, pickup_time: datetime, limit: int
) -> tuple[list[Shipment], list[UUID]]:
    """What goes along with a courier, and orders that should and are not ready."""
    parameters = {
        "warehouse_code": warehouse_code,
        "courier_service": courier_service,
        "pickup_time": pickup_time,
        "limit": limit,
    }
    going = [_shipment(row) for row in await fetch(conn, _OF_PICKUP, parameters)]
    missing = [row["order_id"] for row in await fetch(conn, _MISSING, parameters)]
    return going, missing


async def settle(conn: Conn, booking_id: UUID, state: ShipmentState) -> None:
    """Stock has answered."""
    await execute(conn, _SETTLE, {"booking_id": booking_id, "state": state.value})


async def void_of_order(conn: Conn, order_id: UUID) -> None:
    """It does not go."""
    await execute(conn, _VOID_OF_ORDER, {"order_id": order_id})
