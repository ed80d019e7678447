"""ReservationService: who gets a unit."""

from __future__ import annotations

import asyncio

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_kit.batching import MicroBatcher
from lumbung_kit.failures import Failure, Internal
from lumbung_kit.logs import get_logger
from lumbung_kit.validate import Check
from lumbung_stock.domain.reservations import Refusal, Reservation, Resolution
from lumbung_stock.entrypoints.reservation_messages import (
    cancel_of,
    cart_of,
    confirm_of,
    held_or_refused,
    release_of,
)
from lumbung_stock.usecases.get_reservation import GetReservation
from lumbung_stock.usecases.reserve import Reserve
from lumbung_stock.wire.reservations import refusal_message, reservation_message

_LOG = get_logger(__name__)

BATCH_MAX = 100
BATCH_LINES_MAX = 500


class ReservationService(rpc.ReservationServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(
        self,
        reserve: Reserve,
        resolve: MicroBatcher[Resolution, Reservation],
        get_reservation: GetReservation,
    ) -> None:
        self._reserve = reserve
        self._resolve = resolve
        self._get_reservation = get_reservation

    async def Reserve(
        self,
        request: pb.ReserveRequest,
        context: grpc.aio.ServicerContext[pb.ReserveRequest, pb.ReserveResponse],
    ) -> pb.ReserveResponse:
        """Holds all lines, or none."""
        reservation = held_or_refused(await self._reserve(cart_of(request)))
        return pb.ReserveResponse(reservation=reservation_message(reservation))

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
        outcomes = await asyncio.gather(*map(self._outcome, request.reservations))
        return pb.BatchReserveResponse(outcomes=outcomes)

    async def Confirm(
        self,
        request: pb.ConfirmRequest,
        context: grpc.aio.ServicerContext[pb.ConfirmRequest, pb.ConfirmResponse],
    ) -> pb.ConfirmResponse:
        """Sells a hold."""
        reservation = await self._resolve.submit(confirm_of(request))
        return pb.ConfirmResponse(reservation=reservation_message(reservation))

    async def Release(
        self,
        request: pb.ReleaseRequest,
        context: grpc.aio.ServicerContext[pb.ReleaseRequest, pb.ReleaseResponse],
    ) -> pb.ReleaseResponse:
        """Gives a hold back."""
        reservation = await self._resolve.submit(release_of(request))
        return pb.ReleaseResponse(reservation=reservation_message(reservation))

    async def CancelReservation(
        self,
        request: pb.CancelReservationRequest,
        context: grpc.aio.ServicerContext[pb.CancelReservationRequest, pb.CancelReservationResponse],
    ) -> pb.CancelReservationResponse:
        """Takes a sale back."""
        reservation = await self._resolve.submit(cancel_of(request))
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
        reservation = await self._get_reservation(reservation_id)
        return pb.GetReservationResponse(reservation=reservation_message(reservation))

    async def _outcome(self, request: pb.ReserveRequest) -> pb.ReserveOutcome:
        try:
            reservation = await self._reserve(cart_of(request))
        except Failure as failure:
            return pb.ReserveOutcome(request_id=request.request_id, refusal=_refusal(failure))
        except Exception:  # noqa: BLE001 - a bug that one of them met must not take the answers of the others
            _LOG.exception("one of a batch could not be decided", request_id=request.request_id)
            return pb.ReserveOutcome(request_id=request.request_id, refusal=_refusal(Internal()))
        if reservation.refusal is not None:
            refusal = refusal_message(reservation.refusal)
            return pb.ReserveOutcome(request_id=request.request_id, refusal=refusal)
        return pb.ReserveOutcome(request_id=request.request_id, reservation=reservation_message(reservation))


def _refusal(failure: Failure) -> pb.Refusal:
    """A failure of one reservation among many."""
    fields = "; ".join(f"{violation.field} {violation.description}" for violation in failure.fields)
    return refusal_message(Refusal(failure.reason, fields or failure.message, (), failure.retry_after_s))
