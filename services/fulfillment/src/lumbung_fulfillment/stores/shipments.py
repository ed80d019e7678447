"""Parcels on their way out, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
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

_LOCK, _GET_ALL = _SQL["lock"], _SQL["get_all"]
_INSERT_HAND_OVER, _INSERT_PARCELS = _SQL["insert_hand_over"], _SQL["insert_hand_over_parcels"]
_OF_HAND_OVER, _GET_HAND_OVER, _HAND_OVERS = (
    _SQL[name] for name in ("of_hand_over", "get_hand_over", "hand_overs_of_pickup")
)
_NOT_KEPT = ("actor", "taken_by_pickup_time")
HAND_OVERS_MAX = 100
"""Signatures that a manifest shows."""


class ShipmentState(Enum):
    """Where a shipment stands."""

    SHIPPING = "shipping"
    SHIPPED = "shipped"
    VOID = "void"
    HANDED_OVER = "handed_over"


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
    hand_over_id: UUID | None
    hand_over_time: datetime | None


@dataclass(frozen=True, slots=True)
class HandOver:
    """One signature of a courier for some parcels."""

    hand_over_id: UUID
    warehouse_code: str
    courier_service: str
    pickup_time: datetime
    courier_reference: str
    signed_by: str
    actor: str
    hand_over_time: datetime
    parcel_count: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One courier pickup: what goes or went along, orders that should and are not ready, and the signatures."""

    shipments: tuple[Shipment, ...]
    missing: tuple[UUID, ...]
    hand_overs: tuple[HandOver, ...]


def _shipment(row: Row) -> Shipment:
    fields = {name: value for name, value in row.items() if name not in _NOT_KEPT}
    state = ShipmentState.HANDED_OVER if row["hand_over_id"] else ShipmentState(row["state"])
    return Shipment(**fields | {"state": state})


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
) -> Manifest:
    """One courier pickup."""
    parameters = {
        "warehouse_code": warehouse_code,
        "courier_service": courier_service,
        "pickup_time": pickup_time,
        "limit": limit,
    }
    going = tuple(_shipment(row) for row in await fetch(conn, _OF_PICKUP, parameters))
    missing = tuple(row["order_id"] for row in await fetch(conn, _MISSING, parameters))
    signed = await fetch(conn, _HAND_OVERS, parameters | {"limit": HAND_OVERS_MAX})
    return Manifest(going, missing, tuple(HandOver(**row) for row in signed))


async def lock_all(conn: Conn, shipment_ids: Sequence[UUID]) -> list[Shipment]:
    """Those that are known, locked until the end of the transaction."""
    await execute(conn, _LOCK, {"shipment_ids": list(shipment_ids)})
    return [_shipment(row) for row in await fetch(conn, _GET_ALL, {"shipment_ids": list(shipment_ids)})]


async def insert_hand_over(
    conn: Conn,
    hand_over_id: UUID,
    pickup: tuple[str, str, datetime],
    courier_reference: str,
    signed_by: str,
) -> None:
    """Somebody has signed for a pickup, which is a warehouse, a courier service and a time."""
    warehouse_code, courier_service, pickup_time = pickup
    row = {
        "hand_over_id": hand_over_id,
        "warehouse_code": warehouse_code,
        "courier_service": courier_service,
        "pickup_time": pickup_time,
        "courier_reference": courier_reference,
        "signed_by": signed_by,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT_HAND_OVER, row)


async def insert_hand_over_parcels(conn: Conn, hand_over_id: UUID, shipment_ids: Sequence[UUID]) -> None:
    """What was signed for; a parcel once (constraint hand_over_parcel_pkey)."""
    row = {"hand_over_id": hand_over_id, "shipment_ids": list(shipment_ids)}
    await execute(conn, _INSERT_PARCELS, row)


async def get_hand_over(conn: Conn, hand_over_id: UUID) -> tuple[HandOver, list[Shipment]]:
    """A signature that is there, and its parcels by order reference."""
    (row,) = await fetch(conn, _GET_HAND_OVER, {"hand_over_id": hand_over_id})
    parcels = await fetch(conn, _OF_HAND_OVER, {"hand_over_id": hand_over_id})
    return HandOver(**row), [_shipment(parcel) for parcel in parcels]


async def settle(conn: Conn, booking_id: UUID, state: ShipmentState) -> None:
    """Stock has answered."""
    await execute(conn, _SETTLE, {"booking_id": booking_id, "state": state.value})


async def void_of_order(conn: Conn, order_id: UUID) -> None:
    """It does not go."""
    await execute(conn, _VOID_OF_ORDER, {"order_id": order_id})
