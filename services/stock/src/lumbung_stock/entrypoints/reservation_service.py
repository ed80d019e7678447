"""ReservationService: who gets a unit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_kit.failures import Failure, Internal
from lumbung_kit.logs import get_logger
from lumbung_kit.validate import Check
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.entrypoints.reservation_messages import (
    cancel_of,
    cart_of,
    confirm_of,
    decided_outcome,
    extend_of,
    held_or_refused,
    refused_outcome,
    release_of,
    soft_hold_of,
)
from lumbung_stock.entrypoints.reserve_stream import ReserveStream
from lumbung_stock.usecases.reserve import Reserve
from lumbung_stock.usecases.reserve_together import ReserveTogether
from lumbung_stock.usecases.resolve_soft_too import ResolveSoftToo
from lumbung_stock.wire.reservations import reservation_message, write_reservation

_LOG = get_logger(__name__)

BATCH_MAX = 100
BATCH_LINES_MAX = 500


def units_of_batch(request: pb.BatchReserveRequest) -> int:
    """What a batch weighs when the server is full: as much as its reservations one by one."""
    return min(len(request.reservations), BATCH_MAX)


class ReservationService(rpc.ReservationServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(
        self,
        reserve: Reserve,
        reserve_together: ReserveTogether,
        resolve: ResolveSoftToo,
        *,
        stream_deadline_s: float,
    ) -> None:
        self._reserve = reserve
        self._reserve_together = reserve_together
        self._resolve = resolve
        self._stream_deadline_s = stream_deadline_s

    async def Reserve(
        self,
        request: pb.ReserveRequest,
        context: grpc.aio.ServicerContext[pb.ReserveRequest, pb.ReserveResponse],
    ) -> pb.ReserveResponse:
        """Holds all lines, or none."""
        reservation = held_or_refused(await self._reserve(cart_of(request)))
        response = pb.ReserveResponse()
        write_reservation(response.reservation, reservation)
        return response

    async def BatchReserve(
        self,
        request: pb.BatchReserveRequest,
        context: grpc.aio.ServicerContext[pb.BatchReserveRequest, pb.BatchReserveResponse],
    ) -> pb.BatchReserveResponse:
        """Holds many reservations, each all or nothing by itself."""
        check = Check()
        check.items("reservations", request.reservations, maximum=BATCH_MAX)
        line_count = sum(len(each.lines) for each in request.reservations)
        if line_count > BATCH_LINES_MAX:
            check.add("reservations", f"must have at most {BATCH_LINES_MAX} lines together, not {line_count}")
        check.done()
        return pb.BatchReserveResponse(outcomes=await self._outcomes(request.reservations))

    def ReserveStream(
        self,
        request_iterator: AsyncIterator[pb.ReserveStreamRequest],
        context: grpc.aio.ServicerContext[pb.ReserveStreamRequest, pb.ReserveStreamResponse],
    ) -> AsyncGenerator[pb.ReserveStreamResponse, None]:
        """Holds reservations as they come, each all or nothing by itself."""
        return ReserveStream(self._outcomes, deadline_s=self._stream_deadline_s).run(request_iterator)

    async def Confirm(
        self,
        request: pb.ConfirmRequest,
        context: grpc.aio.ServicerContext[pb.ConfirmRequest, pb.ConfirmResponse],
    ) -> pb.ConfirmResponse:
        """Sells a hold."""
        reservation = await self._resolve(confirm_of(request), soft_hold_of(request))
        return pb.ConfirmResponse(reservation=reservation_message(reservation))

    async def Release(
        self,
        request: pb.ReleaseRequest,
        context: grpc.aio.ServicerContext[pb.ReleaseRequest, pb.ReleaseResponse],
    ) -> pb.ReleaseResponse:
        """Gives a hold back."""
        reservation = await self._resolve(release_of(request))
        return pb.ReleaseResponse(reservation=reservation_message(reservation))

    async def ExtendHold(
        self,
        request: pb.ExtendHoldRequest,
        context: grpc.aio.ServicerContext[pb.ExtendHoldRequest, pb.ExtendHoldResponse],
    ) -> pb.ExtendHoldResponse:
        """Moves a hold's deadline."""
        reservation = await self._resolve(extend_of(request))
        return pb.ExtendHoldResponse(reservation=reservation_message(reservation))

    async def CancelReservation(
        self,
        request: pb.CancelReservationRequest,
        context: grpc.aio.ServicerContext[pb.CancelReservationRequest, pb.CancelReservationResponse],
    ) -> pb.CancelReservationResponse:
        """Takes a sale back."""
        reservation = await self._resolve(cancel_of(request))
        return pb.CancelReservationResponse(reservation=reservation_message(reservation))

    async def GetReservation(
        self,
        request: pb.GetReservationRequest,
        context: grpc.aio.ServicerContext[pb.GetReservationRequest, pb.GetReservationResponse],
    ) -> pb.GetReservationResponse:
        """Reads one reservation."""
        check = Check()
        reservation_id = check.uuid("reservation_id", request.reservation_id)
        check.done()
        reservation = await self._resolve.soft_holds.get(reservation_id)
        return pb.GetReservationResponse(reservation=reservation_message(reservation))

    async def _outcomes(self, requests: Sequence[pb.ReserveRequest]) -> list[pb.ReserveOutcome]:
        asked = [_cart_or_error(request) for request in requests]
        decided = iter(await self._reserve_together([each for each in asked if isinstance(each, Cart)]))
        return [
            _outcome(request, next(decided) if isinstance(each, Cart) else each)
            for request, each in zip(requests, asked, strict=True)
        ]


def _cart_or_error(request: pb.ReserveRequest) -> Cart | Exception:
    try:
        return cart_of(request)
    except Exception as error:  # noqa: BLE001 - the answer to this one alone
        return error


def _outcome(request: pb.ReserveRequest, answer: Reservation | BaseException) -> pb.ReserveOutcome:
    """A bug that one of many met does not take the answers of the others."""
    if isinstance(answer, Reservation):
        return decided_outcome(request, answer)
    if isinstance(answer, Failure):
        return refused_outcome(request, answer)
    _LOG.error("one of many could not be decided", request_id=request.request_id, exc_info=answer)
    return refused_outcome(request, Internal())
