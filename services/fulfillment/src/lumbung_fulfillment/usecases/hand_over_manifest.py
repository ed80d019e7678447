"""Hand parcels over to a courier: all of those that were signed for, or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.domain.failures import ManifestChanged
from lumbung_fulfillment.stores import journal, shipments
from lumbung_fulfillment.stores.shipments import HandOver, Shipment, ShipmentState
from lumbung_kit.failures import PreconditionViolation
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn

NAMED_MAX = 100
"""How many parcels a refusal names."""


@dataclass(frozen=True, slots=True)
class HandOverWish:
    """What a courier has signed for."""

    warehouse_code: str
    courier_service: str
    pickup_time: datetime
    shipment_ids: tuple[UUID, ...]
    courier_reference: str
    signed_by: str


async def hand_over_manifest(conn: Conn, wish: HandOverWish) -> tuple[HandOver, list[Shipment]]:
    """The signature, and its parcels by order reference. Raises ManifestChanged."""
    found = {parcel.shipment_id: parcel for parcel in await shipments.lock_all(conn, wish.shipment_ids)}
    wrong = _wrong_parcels(wish, found)
    if wrong:
        raise ManifestChanged(metadata={"parcel_count": str(len(wrong))}, preconditions=wrong[:NAMED_MAX])
    hand_over_id = new_id()
    await shipments.insert_hand_over(
        conn,
        hand_over_id,
        (wish.warehouse_code, wish.courier_service, wish.pickup_time),
        wish.courier_reference,
        wish.signed_by,
    )
    await shipments.insert_hand_over_parcels(conn, hand_over_id, wish.shipment_ids)
    signed, taken = await shipments.get_hand_over(conn, hand_over_id)
    await journal.manifest_handed_over(conn, signed, taken)
    return signed, taken


def _wrong_parcels(wish: HandOverWish, found: dict[UUID, Shipment]) -> list[PreconditionViolation]:
    wrong = []
    for shipment_id in wish.shipment_ids:
        why = _why_not(wish, found.get(shipment_id))
        if why:
            wrong.append(PreconditionViolation("PARCEL_CANNOT_GO", str(shipment_id), why))
    return wrong


def _why_not(wish: HandOverWish, parcel: Shipment | None) -> str:
    """Empty for a parcel that may go along."""
    if parcel is None:
        return "there is no such shipment"
    if parcel.state is not ShipmentState.SHIPPED:
        return f"it is {parcel.state.value}"
    if (parcel.warehouse_code, parcel.courier_service) != (wish.warehouse_code, wish.courier_service):
        return f"it goes from {parcel.warehouse_code} with {parcel.courier_service or 'no courier'}"
    if parcel.pickup_time is not None and parcel.pickup_time > wish.pickup_time:
        return f"it is meant for the pickup at {parcel.pickup_time.isoformat()}"
    return ""
