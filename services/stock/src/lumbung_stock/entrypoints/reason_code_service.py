"""ReasonCodeService: why figures are corrected by hand."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import reason_codes_pb2 as pb
from lumbung.stock.v1 import reason_codes_pb2_grpc as rpc
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain.reason_codes import FORM, ReasonCode, ReasonCodeUnknown
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.stores import reason_codes
from lumbung_stock.usecases.set_reason_code import set_reason_code
from lumbung_stock.wire.reservations import timestamp

NAME_LENGTH_MAX = 80
CHANGES_MAX = 100


class ReasonCodeService(rpc.ReasonCodeServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def SetReasonCode(
        self,
        request: pb.SetReasonCodeRequest,
        context: grpc.aio.ServicerContext[pb.SetReasonCodeRequest, pb.SetReasonCodeResponse],
    ) -> pb.SetReasonCodeResponse:
        """Makes, changes or retires a reason code."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        given = request.reason_code
        reason = ReasonCode(
            check.text(
                "reason_code.reason_code",
                given.reason_code,
                max_length=32,
                pattern=FORM,
                hint="must be 1-32 of A-Z 0-9 _, beginning with a letter",
            ),
            check.text("reason_code.name_en", given.name_en, max_length=NAME_LENGTH_MAX),
            check.text("reason_code.name_id", given.name_id, max_length=NAME_LENGTH_MAX),
            given.retired,
        )
        check.done()

        async def work(conn: Conn) -> pb.SetReasonCodeResponse:
            await set_reason_code(conn, author.actor, reason)
            return pb.SetReasonCodeResponse(reason_code=_message(reason))

        return await once(self._postgres, "SetReasonCode", request, pb.SetReasonCodeResponse, work)

    async def ListReasonCodes(
        self,
        request: pb.ListReasonCodesRequest,
        context: grpc.aio.ServicerContext[pb.ListReasonCodesRequest, pb.ListReasonCodesResponse],
    ) -> pb.ListReasonCodesResponse:
        """All of them, by code."""
        async with self._postgres.connection() as conn:
            known = await reason_codes.find_reasons(conn)
        return pb.ListReasonCodesResponse(
            reason_codes=[
                _message(each) for each in known.values() if request.include_retired or not each.retired
            ]
        )

    async def ListReasonCodeChanges(
        self,
        request: pb.ListReasonCodeChangesRequest,
        context: grpc.aio.ServicerContext[pb.ListReasonCodeChangesRequest, pb.ListReasonCodeChangesResponse],
    ) -> pb.ListReasonCodeChangesResponse:
        """How a code has changed."""
        check = Check()
        code = check.text("reason_code", request.reason_code, max_length=32, pattern=FORM)
        check.done()
        async with self._postgres.connection() as conn:
            changes = await reason_codes.find_changes(conn, code, CHANGES_MAX)
        if not changes:
            raise ReasonCodeUnknown(metadata={"reason_code": code})
        response = pb.ListReasonCodeChangesResponse()
        for change in changes:
            response.changes.add(
                reason_code=_message(change.reason), time=timestamp(change.time), actor=change.actor
            )
        return response


def _message(reason: ReasonCode) -> pb.ReasonCode:
    return pb.ReasonCode(
        reason_code=reason.code, name_en=reason.name_en, name_id=reason.name_id, retired=reason.retired
    )
