"""ShipmentService over gRPC: parcels leaving the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import grpc

from lumbung.fulfillment.v1 import shipments_pb2 as pb
from lumbung.fulfillment.v1 import shipments_pb2_grpc as rpc
from lumbung_fulfillment.domain.failures import OrderCancelled, ShipmentRefused
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import hand_over_message, shipment_message, timestamp
from lumbung_fulfillment.entrypoints.pages import LAST, Pages
from lumbung_fulfillment.stores import bookings, clock, orders, shipments
from lumbung_fulfillment.stores.shipments import Shipment
from lumbung_fulfillment.usecases.hand_over_manifest import HandOverWish, hand_over_manifest
from lumbung_fulfillment.usecases.ship_order import ship_order
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

TRACKING_LENGTH_MAX = 64
SIGNATURE_LENGTH_MAX = 64
PARCELS_MAX = 5_000

Context = grpc.aio.ServicerContext[Any, Any]


class ShipmentServicer(rpc.ShipmentServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def Ship(self, request: pb.ShipRequest, context: Context) -> pb.ShipResponse:
        """Asks stock, and says what it answered."""
        check = Check()
        check.request_id(request.request_id)
        order_id = check.uuid("order_id", request.order_id)
        tracking = check.text(
            "tracking_number", request.tracking_number, max_length=TRACKING_LENGTH_MAX, required=False
        )
        check.done()

        async def work(conn: Conn) -> pb.ShipResponse:
            shipment = await ship_order(conn, order_id, tracking, request.request_id)
            booking = await bookings.get(conn, shipment.booking_id)
            return pb.ShipResponse(shipment=shipment_message(shipment, booking))

        response = await self._desk.once("Ship", request, pb.ShipResponse, work)
        booking = await self._desk.booked(response.shipment.booking.booking_id)
        message = await self._as_it_stands(UUID(response.shipment.shipment_id))
        if message.state == pb.SHIPMENT_STATE_VOID:
            await self._raise_refusal(order_id, booking.last_error)
        return pb.ShipResponse(shipment=message)

    async def GetShipment(self, request: pb.GetShipmentRequest, context: Context) -> pb.GetShipmentResponse:
        """One shipment."""
        check = Check()
        shipment_id = check.uuid("shipment_id", request.shipment_id)
        check.done()
        return pb.GetShipmentResponse(shipment=await self._as_it_stands(shipment_id))

    async def ListShipments(
        self, request: pb.ListShipmentsRequest, context: Context
    ) -> pb.ListShipmentsResponse:
        """A page of shipments, newest first."""
        check = Check()
        warehouse_code = checks.optional_code(check, "warehouse_code", request.warehouse_code)
        order_id = checks.optional_uuid(check, "order_id", request.order_id)
        pages = Pages(check, request.page_size, request.page_token, ["shipments", warehouse_code, order_id])
        before = pages.place(LAST)
        check.done()
        async with self._desk.reading() as conn:
            found = await shipments.page(conn, warehouse_code, order_id, before, pages.limit)
            page, token = pages.cut(found, lambda each: (each.create_time, each.shipment_id))
            messages = await _messages(conn, page)
        return pb.ListShipmentsResponse(shipments=messages, next_page_token=token)

    async def GetManifest(self, request: pb.GetManifestRequest, context: Context) -> pb.GetManifestResponse:
        """What goes along with a courier, and what should and is not ready."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        courier = check.code("courier_service", request.courier_service)
        if not request.HasField("pickup_time"):
            check.add("pickup_time", "must be set")
        pickup_time = checks.moment(check, "pickup_time", request.pickup_time)
        check.done()
        async with self._desk.reading() as conn:
            found = await shipments.manifest(conn, warehouse_code, courier, pickup_time, PARCELS_MAX)
            return pb.GetManifestResponse(
                shipments=await _messages(conn, found.shipments),
                missing_order_ids=map(str, found.missing),
                read_time=timestamp(await clock.now(conn)),
                hand_overs=map(hand_over_message, found.hand_overs),
            )

    async def HandOverManifest(
        self, request: pb.HandOverManifestRequest, context: Context
    ) -> pb.HandOverManifestResponse:
        """Records what a courier has signed for."""
        check = Check()
        check.request_id(request.request_id)
        wish = _hand_over_wish(check, request)
        check.done()

        async def work(conn: Conn) -> pb.HandOverManifestResponse:
            signed, taken = await hand_over_manifest(conn, wish)
            return pb.HandOverManifestResponse(
                shipments=[shipment_message(parcel, None) for parcel in taken],
                hand_over=hand_over_message(signed),
            )

        return await self._desk.once("HandOverManifest", request, pb.HandOverManifestResponse, work)

    async def _as_it_stands(self, shipment_id: UUID) -> pb.Shipment:
        async with self._desk.reading() as conn:
            shipment = await shipments.get(conn, shipment_id)
            (message,) = await _messages(conn, [shipment])
        return message

    async def _raise_refusal(self, order_id: UUID, stock_reason: str) -> None:
        async with self._desk.reading() as conn:
            order = await orders.get(conn, order_id)
        metadata = {"order_id": str(order_id), "stock_reason": stock_reason}
        if order.cancel_time is not None:
            raise OrderCancelled(metadata=metadata)
        raise ShipmentRefused(metadata=metadata)


def _hand_over_wish(check: Check, request: pb.HandOverManifestRequest) -> HandOverWish:
    shipment_ids = [
        check.uuid(f"shipment_ids[{place}]", shipment_id)
        for place, shipment_id in enumerate(
            check.items("shipment_ids", request.shipment_ids, maximum=PARCELS_MAX)
        )
    ]
    if len(set(shipment_ids)) < len(shipment_ids):
        check.add("shipment_ids", "must name each parcel once")
    if not request.HasField("pickup_time"):
        check.add("pickup_time", "must be set")
    if not request.courier_reference and not request.signed_by:
        check.add("signed_by", "must be set, or courier_reference")
    return HandOverWish(
        check.code("warehouse_code", request.warehouse_code),
        check.code("courier_service", request.courier_service),
        checks.moment(check, "pickup_time", request.pickup_time),
        tuple(shipment_ids),
        check.text(
            "courier_reference",
            request.courier_reference,
            max_length=SIGNATURE_LENGTH_MAX,
            required=False,
        ),
        check.text("signed_by", request.signed_by, max_length=SIGNATURE_LENGTH_MAX, required=False),
    )


async def _messages(conn: Conn, found: Sequence[Shipment]) -> list[pb.Shipment]:
    """Shipments with the way of their bookings."""
    known = {b.booking_id: b for b in await bookings.get_all(conn, [s.booking_id for s in found])}
    return [shipment_message(shipment, known.get(shipment.booking_id)) for shipment in found]
