"""LumbungClient: what a storefront asks of stock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

import grpc

from lumbung.stock.v1 import availability_pb2 as availability_pb
from lumbung.stock.v1 import availability_pb2_grpc, flash_sales_pb2_grpc, reservations_pb2_grpc
from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_client.batch import reserve_all
from lumbung_client.channel import open_channel
from lumbung_client.errors import InWaitingRoom, LumbungError
from lumbung_client.messages import Lines, Place, order_details, reserve_lines, reserve_request, span
from lumbung_client.options import Options
from lumbung_client.request_ids import new_request_id
from lumbung_client.reserve_session import ReserveSession
from lumbung_client.retries import Caller, Metadata, Retries
from lumbung_client.waiting import Told, wait_for_turn
from lumbung_client.watch import watch

NO_OPTIONS = Options()


class LumbungClient:
    """A client of the stock service. Use it as an async context manager, and keep one for the whole process.

    Every mutation has a request_id, made before it is sent and kept over all repeats, so repeating is safe; give
    one of your own (`request_id=`) where a repeat may come from another process. Calls raise LumbungError, and
    none takes longer than `timeout_s`, repeats included.
    """

    def __init__(
        self,
        target: str,
        *,
        actor: str,
        options: Options = NO_OPTIONS,
        credentials: grpc.ChannelCredentials | None = None,
        traceparent: Callable[[], str] | None = None,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        """`target` is a gRPC target such as `dns:///stock.example:50052`; `actor` says who asks, such as
        `storefront:web`. `traceparent` is asked before each call and gives the W3C header, or "".
        """
        self._actor = actor
        self._traceparent = traceparent
        self._options = options
        self._channel = open_channel(target, options, credentials=credentials, more=channel_options)
        self._retries = Retries(options)
        self._call = Caller(self._retries, options, self._metadata)
        self._reservations: reservations_pb2_grpc.ReservationServiceAsyncStub = (
            reservations_pb2_grpc.ReservationServiceStub(self._channel)
        )
        self._availability: availability_pb2_grpc.AvailabilityServiceAsyncStub = (
            availability_pb2_grpc.AvailabilityServiceStub(self._channel)
        )
        self._sales: flash_sales_pb2_grpc.FlashSaleServiceAsyncStub = (
            flash_sales_pb2_grpc.FlashSaleServiceStub(self._channel)
        )

    async def __aenter__(self) -> LumbungClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; calls that are under way are cancelled."""
        await self._channel.close()

    # Reservations

    async def reserve(
        self,
        lines: Lines,
        *,
        channel_code: str,
        customer_reference: str = "",
        ttl_s: float | None = None,
        soft: bool = False,
        warehouse_code: str = "",
        flash_sale_code: str = "",
        sourcing: pb.SourcingPolicy.ValueType = pb.SOURCING_POLICY_UNSPECIFIED,
        allow_split: bool = False,
        destination: Place | None = None,
        waiting_ticket: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.Reservation:
        """Holds all lines, or none, until `expire_time`; with `allow_split` out of several warehouses, chosen as
        `sourcing` says. Raises OutOfStock, CustomerLimitReached, InWaitingRoom, ..."""
        request = reserve_request(
            lines,
            channel_code=channel_code,
            customer_reference=customer_reference,
            ttl_s=ttl_s,
            soft=soft,
            warehouse_code=warehouse_code,
            flash_sale_code=flash_sale_code,
            sourcing=sourcing,
            allow_split=allow_split,
            destination=destination,
            waiting_ticket=waiting_ticket,
            request_id=request_id,
        )
        return (await self._call(self._reservations.Reserve, request, timeout_s)).reservation

    async def reserve_in_turn(
        self,
        request: pb.ReserveRequest,
        *,
        wait_s: float,
        told: Told | None = None,
        timeout_s: float | None = None,
    ) -> pb.Reservation:
        """As `reserve`, of a request that `reserve_request` made; where the sale's waiting room is awake, it waits for
        the turn first, at most `wait_s`. `told` hears each answer of the room, to show how many are ahead and until
        when; it may raise to give up, such as when it says SOLD_OUT.

        Raises DeadlineExceeded when the turn has not come; the place is kept, so the same call goes on waiting.
        """
        asked = pb.ReserveRequest()
        asked.CopyFrom(request)
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        while True:
            try:
                return (await self._call(self._reservations.Reserve, asked, timeout_s)).reservation
            except InWaitingRoom:
                if now() >= deadline:
                    raise
            asked.waiting_ticket = await self.wait_for_turn(
                request.flash_sale_code,
                customer_reference=request.customer_reference,
                channel_code=request.channel_code,
                wait_s=deadline - now(),
                told=told,
            )

    async def batch_reserve(
        self, requests: Sequence[pb.ReserveRequest], *, timeout_s: float | None = None
    ) -> list[pb.Reservation | LumbungError]:
        """An answer for each of 1-100 requests (`reserve_request` makes them), in order; errors are values here.

        Those that met trouble which passes are asked again, alone.
        """
        limit_s = self._options.timeout_s if timeout_s is None else timeout_s
        return await reserve_all(
            self._call, self._retries, self._reservations.BatchReserve, requests, limit_s
        )

    def reserve_stream(self, *, timeout_s: float | None = None) -> ReserveSession:
        """A session for very many reservations: `async with client.reserve_stream() as session`.

        `timeout_s` is each reservation's.
        """
        return ReserveSession(
            lambda wait: self._reservations.ReserveStream(metadata=self._metadata(), wait_for_ready=wait),
            self._retries,
            timeout_s=self._options.timeout_s if timeout_s is None else timeout_s,
        )

    async def confirm(
        self,
        reservation_id: str,
        *,
        order_reference: str,
        courier_service: str = "",
        place_time: datetime | None = None,
        priority: int = 0,
        note: str = "",
        partial_lines: Lines = (),
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.Reservation:
        """Sells a hold, all of it or `partial_lines`. Raises HoldExpired, HoldLost, AlreadyResolved, ..."""
        request = pb.ConfirmRequest(
            request_id=request_id or new_request_id(),
            reservation_id=reservation_id,
            order=order_details(order_reference, courier_service, place_time, priority, note),
            partial_lines=reserve_lines(partial_lines),
        )
        return (await self._call(self._reservations.Confirm, request, timeout_s)).reservation

    async def release(
        self,
        reservation_id: str,
        *,
        reason: str = "",
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> pb.Reservation:
        """Gives a hold back. Raises AlreadyResolved when it was sold."""
        request = pb.ReleaseRequest(
            request_id=request_id or new_request_id(), reservation_id=reservation_id, reason=reason
        )
        return (await self._call(self._reservations.Release, request, timeout_s)).reservation

    async def extend(
        self, reservation_id: str, *, ttl_s: float, request_id: str = "", timeout_s: float | None = None
    ) -> pb.Reservation:
        """Moves a hold's deadline to `ttl_s` from now. Raises HoldExpired, AlreadyResolved, ..."""
        request = pb.ExtendHoldRequest(
            request_id=request_id or new_request_id(), reservation_id=reservation_id, ttl=span(ttl_s)
        )
        return (await self._call(self._reservations.ExtendHold, request, timeout_s)).reservation

    async def cancel(
        self, reservation_id: str, *, reason: str, request_id: str = "", timeout_s: float | None = None
    ) -> pb.Reservation:
        """Takes back a sale that has not shipped. Raises Refused with NOT_CONFIRMED or ALREADY_SHIPPED."""
        request = pb.CancelReservationRequest(
            request_id=request_id or new_request_id(), reservation_id=reservation_id, reason=reason
        )
        return (await self._call(self._reservations.CancelReservation, request, timeout_s)).reservation

    async def get(self, reservation_id: str, *, timeout_s: float | None = None) -> pb.Reservation:
        """A reservation as it stands. Raises NotFound."""
        request = pb.GetReservationRequest(reservation_id=reservation_id)
        return (await self._call(self._reservations.GetReservation, request, timeout_s)).reservation

    # Availability

    async def get_availability(
        self,
        sku_code: str,
        *,
        warehouse_code: str = "",
        channel_code: str = "",
        max_age_s: float = 0,
        timeout_s: float | None = None,
    ) -> availability_pb.Availability:
        """How many can be promised now, or at most `max_age_s` ago, which is cheaper."""
        request = availability_pb.GetAvailabilityRequest(
            sku_code=sku_code,
            warehouse_code=warehouse_code,
            channel_code=channel_code,
            max_age=span(max_age_s) if max_age_s else None,
        )
        return (await self._call(self._availability.GetAvailability, request, timeout_s)).availability

    async def batch_get_availability(
        self,
        sku_codes: Sequence[str],
        *,
        warehouse_code: str = "",
        channel_code: str = "",
        timeout_s: float | None = None,
    ) -> availability_pb.BatchGetAvailabilityResponse:
        """Up to 500 SKUs at one instant, those that are unknown apart."""
        request = availability_pb.BatchGetAvailabilityRequest(
            sku_codes=sku_codes, warehouse_code=warehouse_code, channel_code=channel_code
        )
        return await self._call(self._availability.BatchGetAvailability, request, timeout_s)

    def watch_availability(
        self, sku_codes: Sequence[str], *, channel_code: str = "", after_position: int = 0
    ) -> AsyncGenerator[availability_pb.WatchAvailabilityResponse, None]:
        """A snapshot of up to 500 SKUs, then each change, for ever; resumes by itself after a break.

        `after_position` resumes after the position of an answer that an earlier process had.
        """
        request = availability_pb.WatchAvailabilityRequest(
            sku_codes=sku_codes, channel_code=channel_code, after_position=after_position
        )
        return watch(
            lambda ask, wait: self._availability.WatchAvailability(
                ask, metadata=self._metadata(), wait_for_ready=wait
            ),
            request,
            self._retries,
        )

    # Flash sales

    async def get_flash_sale(
        self, flash_sale_code: str, *, timeout_s: float | None = None
    ) -> sales_pb.FlashSale:
        """A sale with its times, channels and limits. Raises NotFound."""
        request = sales_pb.GetFlashSaleRequest(flash_sale_code=flash_sale_code)
        return (await self._call(self._sales.GetFlashSale, request, timeout_s)).flash_sale

    async def join_waiting_room(
        self,
        flash_sale_code: str,
        *,
        customer_reference: str,
        channel_code: str,
        request_id: str = "",
        timeout_s: float | None = None,
    ) -> sales_pb.JoinWaitingRoomResponse:
        """The customer's place in the sale's waiting room, new or known: `state`, `ahead_count`, and when to ask again.

        Raises FlashSaleNotOpen, NotFound, Refused with NO_WAITING_ROOM, Overloaded with WAITING_ROOM_FULL.
        """
        request = sales_pb.JoinWaitingRoomRequest(
            request_id=request_id or new_request_id(),
            flash_sale_code=flash_sale_code,
            customer_reference=customer_reference,
            channel_code=channel_code,
        )
        return await self._call(self._sales.JoinWaitingRoom, request, timeout_s)

    async def wait_for_turn(
        self,
        flash_sale_code: str,
        *,
        customer_reference: str,
        channel_code: str,
        wait_s: float,
        told: Told | None = None,
    ) -> str:
        """The ticket for `reserve`, once it admits; "" when nobody has to wait. See `reserve_in_turn`."""
        request_ids = [new_request_id()]

        async def join(left_s: float) -> sales_pb.JoinWaitingRoomResponse:
            return await self.join_waiting_room(
                flash_sale_code,
                customer_reference=customer_reference,
                channel_code=channel_code,
                request_id=request_ids[-1],
                timeout_s=min(left_s, self._options.timeout_s),
            )

        return await wait_for_turn(join, lambda: request_ids.append(new_request_id()), told, wait_s)

    def _metadata(self) -> Metadata:
        traceparent = self._traceparent() if self._traceparent else ""
        who = ("lumbung-actor", self._actor)
        return (who, ("traceparent", traceparent)) if traceparent else (who,)
