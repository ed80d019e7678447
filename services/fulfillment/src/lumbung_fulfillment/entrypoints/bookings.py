"""BookingService over gRPC: steps on their way to stock's ledger."""

from __future__ import annotations

from typing import Any

import grpc

from lumbung.fulfillment.v1 import bookings_pb2 as pb
from lumbung.fulfillment.v1 import bookings_pb2_grpc as rpc
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import BOOKING_STATES, booking_message
from lumbung_fulfillment.entrypoints.pages import Pages
from lumbung_fulfillment.stores import bookings
from lumbung_fulfillment.usecases.retry_booking import retry_booking
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

_STATES = {number: state for state, number in BOOKING_STATES.items()}

Context = grpc.aio.ServicerContext[Any, Any]


class BookingServicer(rpc.BookingServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ListBookings(
        self, request: pb.ListBookingsRequest, context: Context
    ) -> pb.ListBookingsResponse:
        """A page of bookings, oldest first."""
        check = Check()
        order_id = checks.optional_uuid(check, "order_id", request.order_id)
        if request.state:
            check.choice("state", request.state, pb.BookingState)
        state = _STATES.get(request.state)
        pages = Pages(check, request.page_size, request.page_token, ["bookings", order_id, request.state])
        after = pages.number()
        check.done()
        async with self._desk.reading() as conn:
            found = await bookings.page(conn, state, order_id, after, pages.limit)
            places = {b.booking_id: await bookings.place_of(conn, b.booking_id) for b in found[-2:]}
        page, token = pages.cut(found, lambda each: [places[each.booking_id]])
        return pb.ListBookingsResponse(bookings=map(booking_message, page), next_page_token=token)

    async def RetryBooking(
        self, request: pb.RetryBookingRequest, context: Context
    ) -> pb.RetryBookingResponse:
        """Sends a refused booking again, and says what came of it."""
        check = Check()
        check.request_id(request.request_id)
        booking_id = check.uuid("booking_id", request.booking_id)
        check.done()

        async def work(conn: Conn) -> pb.RetryBookingResponse:
            booking = await retry_booking(conn, booking_id, request.request_id)
            return pb.RetryBookingResponse(booking=booking_message(booking))

        await self._desk.once("RetryBooking", request, pb.RetryBookingResponse, work)
        return pb.RetryBookingResponse(booking=await self._desk.booked(str(booking_id)))
