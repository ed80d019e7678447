"""LotService: until when lots may be sold, and which of them lie too long."""

from __future__ import annotations

from datetime import date

import grpc

from lumbung.stock.v1 import lots_pb2 as pb
from lumbung.stock.v1 import lots_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain.lots import LotKey
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import INT_MAX, key_of, page_token
from lumbung_stock.usecases.correct_lot_expiry import correct_lot_expiry
from lumbung_stock.usecases.list_expiring_lots import list_expiring_lots
from lumbung_stock.usecases.list_expiry_corrections import list_expiry_corrections
from lumbung_stock.wire.lots import corrected_message, correction_message, expiring_message

PAGE, PAGE_MAX = 50, 200
WITHIN_DAYS_MAX = 3_650
FIRST_DAY = "0001-01-01"


class LotService(Mutations, rpc.LotServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self._postgres = postgres
        self._log = log

    async def CorrectLotExpiry(
        self,
        request: pb.CorrectLotExpiryRequest,
        context: grpc.aio.ServicerContext[pb.CorrectLotExpiryRequest, pb.CorrectLotExpiryResponse],
    ) -> pb.CorrectLotExpiryResponse:
        """Corrects a lot's last day."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        lot = _lot_of(check, request.sku_code, request.lot_code)
        day = messages.day_of(check, "expires_on", request.expires_on)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.CorrectLotExpiryResponse:
            return corrected_message(day, await correct_lot_expiry(conn, author, lot, day, reason=reason))

        return await self._once("CorrectLotExpiry", request, pb.CorrectLotExpiryResponse, work)

    async def ListLotExpiryCorrections(
        self,
        request: pb.ListLotExpiryCorrectionsRequest,
        context: grpc.aio.ServicerContext[
            pb.ListLotExpiryCorrectionsRequest, pb.ListLotExpiryCorrectionsResponse
        ],
    ) -> pb.ListLotExpiryCorrectionsResponse:
        """How a lot's last day was corrected, newest first."""
        check = Check()
        lot = _lot_of(check, request.sku_code, request.lot_code)
        size = check.page_size(request.page_size, default=PAGE, maximum=PAGE_MAX)
        filters = ["lot expiry corrections", lot]
        (before,) = key_of(check, request.page_token, filters, first=(INT_MAX,))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_expiry_corrections(conn, lot, before=before, limit=size + 1)
        response = pb.ListLotExpiryCorrectionsResponse(corrections=map(correction_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, [found[size - 1].correction_id])
        return response

    async def ListExpiringLots(
        self,
        request: pb.ListExpiringLotsRequest,
        context: grpc.aio.ServicerContext[pb.ListExpiringLotsRequest, pb.ListExpiringLotsResponse],
    ) -> pb.ListExpiringLotsResponse:
        """The first to expire first."""
        check = Check()
        code = messages.warehouse_code_of(check, request.warehouse_code)
        days = check.whole("within_days", request.within_days, minimum=0, maximum=WITHIN_DAYS_MAX)
        size = check.page_size(request.page_size, default=PAGE, maximum=PAGE_MAX)
        filters = ["expiring lots", code, days]
        day, *lot = key_of(check, request.page_token, filters, first=(FIRST_DAY, "", ""))
        after = _day_in_token(check, day), lot[0], lot[1]
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_expiring_lots(conn, code, days, after=after, limit=size + 1)
        response = pb.ListExpiringLotsResponse(lots=map(expiring_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            key = [last.last_sale_day.isoformat(), last.sku_code, last.lot_code]
            response.next_page_token = page_token(filters, key)
        return response


def _lot_of(check: Check, sku_code: str, lot_code: str) -> LotKey:
    sku = check.code("sku_code", sku_code)
    if not lot_code:
        check.add("lot_code", "must not be empty")
    return sku, messages.lot_of(check, lot_code).code


def _day_in_token(check: Check, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        check.add("page_token", "is not one that this service has given")
        return date.min
