"""Calls to the stock service, in this service's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import (
    availability_pb2,
    availability_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    reservations_pb2_grpc,
)
from lumbung.stock.v1 import reservations_pb2 as reservations_pb
from lumbung_channel_sync.domain.figures import Availability
from lumbung_channel_sync.domain.orders import ChannelOrder, Demand
from lumbung_kit.clients import failure_from

HOLD_S = 900
SKUS_PER_CALL_MAX = 500
EVENTS_PER_MESSAGE = 500


class StockRefusal(Exception):  # noqa: N818 - an answer of stock's, judged by whoever asked
    """Stock said no, or could not be asked."""

    def __init__(
        self, kind: str, reason: str, message: str, winner: str, retry_after_s: float | None
    ) -> None:
        super().__init__(f"{reason or kind}: {message}")
        self.kind = kind
        self.reason = reason or kind
        self.message = message
        self.winner = winner
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class AvailabilityNow:
    """What stock can promise, by SKU; SKUs that it does not know are missing. Every change up to `position` of its
    events is in it."""

    by_sku: dict[str, Availability]
    position: int


class Stock:
    """The stock service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._availability = availability_pb2_grpc.AvailabilityServiceStub(channel)
        self._reservations = reservations_pb2_grpc.ReservationServiceStub(channel)
        self._events = events_pb2_grpc.EventServiceStub(channel)

    async def availability(self, sku_codes: Sequence[str], channel_code: str) -> AvailabilityNow:
        """What can be promised of at most 500 SKUs towards one channel."""
        request = availability_pb2.BatchGetAvailabilityRequest(sku_codes=sku_codes, channel_code=channel_code)
        try:
            response = await self._availability.BatchGetAvailability(request)
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        return AvailabilityNow(
            {
                one.sku_code: Availability(
                    available_to_promise=one.available_to_promise,
                    flash_sale_code=one.flash_sale_code,
                    flash_sale_available=one.flash_sale_available,
                )
                for one in response.availabilities
            },
            response.position,
        )

    async def reserve(self, order: ChannelOrder, demand: Demand, request_id: str) -> str:
        """Holds everything that an order asks for, or raises StockRefusal; the reservation's id."""
        request = reservations_pb.ReserveRequest(
            request_id=request_id,
            lines=[
                reservations_pb.ReserveLine(sku_code=sku_code, quantity=quantity)
                for sku_code, quantity in demand.lines
            ],
            channel_code=order.channel_code,
            customer_reference=order.customer_reference,
            ttl=Duration(seconds=HOLD_S),
            flash_sale_code=demand.flash_sale_code,
        )
        try:
            response = await self._reservations.Reserve(request)
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        return response.reservation.reservation_id

    async def confirm(self, order: ChannelOrder, reservation_id: str, request_id: str) -> None:
        """Turns the hold into a sale, or raises StockRefusal."""
        details = reservations_pb.OrderDetails(
            order_reference=order.order_ref,
            courier_service=order.courier_service,
            place_time=_timestamp(order.place_time),
        )
        request = reservations_pb.ConfirmRequest(
            request_id=request_id, reservation_id=reservation_id, order=details
        )
        try:
            await self._reservations.Confirm(request)
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error

    async def cancel(self, reservation_id: str, reason: str, request_id: str) -> None:
        """Takes a sale back, or raises StockRefusal."""
        request = reservations_pb.CancelReservationRequest(
            request_id=request_id, reservation_id=reservation_id, reason=reason
        )
        try:
            await self._reservations.CancelReservation(request)
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error

    async def subscribe(self, after_position: int) -> AsyncIterator[Sequence[events_pb2.Event]]:
        """Stock's events after a position, in batches, until the stream ends."""
        request = events_pb2.SubscribeRequest(after_position=after_position, batch_size=EVENTS_PER_MESSAGE)
        call = self._events.Subscribe(request)
        try:
            async for response in call:
                yield response.events
        finally:
            call.cancel()


def _refusal(error: grpc.aio.AioRpcError) -> StockRefusal:
    failure = failure_from(error)
    winner = failure.metadata.get("winner", "")
    return StockRefusal(failure.kind.name, failure.reason, failure.message, winner, failure.retry_after_s)


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
