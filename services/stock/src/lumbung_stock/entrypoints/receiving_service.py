"""ReceivingService: what is on order, what arrives of it, and its way into the bins."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import receiving_pb2 as pb
from lumbung.stock.v1 import receiving_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain import places
from lumbung_stock.domain.expected_receipts import ExpectedReceipt
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints import receiving_messages as receiving
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.usecases.cancel_expected_receipt import cancel_expected_receipt
from lumbung_stock.usecases.close_expected_receipt import close_expected_receipt
from lumbung_stock.usecases.create_expected_receipt import create_expected_receipt
from lumbung_stock.usecases.get_expected_receipt import get_expected_receipt
from lumbung_stock.usecases.list_expected_receipts import list_expected_receipts
from lumbung_stock.usecases.list_waiting import list_waiting
from lumbung_stock.usecases.put_away import put_away
from lumbung_stock.usecases.receive_delivery import receive_delivery
from lumbung_stock.usecases.update_expected_receipt import update_expected_receipt
from lumbung_stock.wire.inventory import entry_message
from lumbung_stock.wire.receiving import delivery_message, expected_receipt_message, putaway_message

EXPECTED_PAGE, EXPECTED_PAGE_MAX = 50, 200
PUTAWAYS_PAGE, PUTAWAYS_PAGE_MAX = 100, 500
NO_ID = "00000000-0000-0000-0000-000000000000"
BEFORE_ALL_TIMES = "0001-01-01T00:00:00+00:00"


class ReceivingService(Mutations, rpc.ReceivingServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self._postgres = postgres
        self._log = log

    async def CreateExpectedReceipt(
        self,
        request: pb.CreateExpectedReceiptRequest,
        context: grpc.aio.ServicerContext[pb.CreateExpectedReceiptRequest, pb.CreateExpectedReceiptResponse],
    ) -> pb.CreateExpectedReceiptResponse:
        """Says what a supplier is to bring."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        expectation = receiving.expectation_of(check, request.expected_receipt)
        check.done()

        async def work(conn: Conn) -> pb.CreateExpectedReceiptResponse:
            made = await create_expected_receipt(conn, author.actor, expectation)
            return pb.CreateExpectedReceiptResponse(expected_receipt=expected_receipt_message(made))

        return await self._once("CreateExpectedReceipt", request, pb.CreateExpectedReceiptResponse, work)

    async def UpdateExpectedReceipt(
        self,
        request: pb.UpdateExpectedReceiptRequest,
        context: grpc.aio.ServicerContext[pb.UpdateExpectedReceiptRequest, pb.UpdateExpectedReceiptResponse],
    ) -> pb.UpdateExpectedReceiptResponse:
        """Replaces what is to come."""
        check = Check()
        check.request_id(request.request_id)
        wanted = request.expected_receipt
        receipt_id = check.uuid("expected_receipt.expected_receipt_id", wanted.expected_receipt_id)
        version = check.whole("expected_receipt.version", wanted.version, minimum=1, maximum=2**63 - 1)
        expectation = receiving.expectation_of(check, wanted)
        check.done()

        async def work(conn: Conn) -> pb.UpdateExpectedReceiptResponse:
            changed = await update_expected_receipt(conn, receipt_id, expectation, version=version)
            return pb.UpdateExpectedReceiptResponse(expected_receipt=expected_receipt_message(changed))

        return await self._once("UpdateExpectedReceipt", request, pb.UpdateExpectedReceiptResponse, work)

    async def CancelExpectedReceipt(
        self,
        request: pb.CancelExpectedReceiptRequest,
        context: grpc.aio.ServicerContext[pb.CancelExpectedReceiptRequest, pb.CancelExpectedReceiptResponse],
    ) -> pb.CancelExpectedReceiptResponse:
        """Takes back what nothing has come of."""
        check = Check()
        check.request_id(request.request_id)
        receipt_id = check.uuid("expected_receipt_id", request.expected_receipt_id)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.CancelExpectedReceiptResponse:
            changed = await cancel_expected_receipt(conn, receipt_id, reason=reason)
            return pb.CancelExpectedReceiptResponse(expected_receipt=expected_receipt_message(changed))

        return await self._once("CancelExpectedReceipt", request, pb.CancelExpectedReceiptResponse, work)

    async def CloseExpectedReceipt(
        self,
        request: pb.CloseExpectedReceiptRequest,
        context: grpc.aio.ServicerContext[pb.CloseExpectedReceiptRequest, pb.CloseExpectedReceiptResponse],
    ) -> pb.CloseExpectedReceiptResponse:
        """Gives up what is outstanding."""
        check = Check()
        check.request_id(request.request_id)
        receipt_id = check.uuid("expected_receipt_id", request.expected_receipt_id)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.CloseExpectedReceiptResponse:
            changed = await close_expected_receipt(conn, receipt_id, reason=reason)
            return pb.CloseExpectedReceiptResponse(expected_receipt=expected_receipt_message(changed))

        return await self._once("CloseExpectedReceipt", request, pb.CloseExpectedReceiptResponse, work)

    async def GetExpectedReceipt(
        self,
        request: pb.GetExpectedReceiptRequest,
        context: grpc.aio.ServicerContext[pb.GetExpectedReceiptRequest, pb.GetExpectedReceiptResponse],
    ) -> pb.GetExpectedReceiptResponse:
        """One with its figures and newest deliveries."""
        check = Check()
        receipt_id = check.uuid("expected_receipt_id", request.expected_receipt_id)
        check.done()
        async with self._postgres.transaction() as conn:
            found, deliveries = await get_expected_receipt(conn, receipt_id)
        return pb.GetExpectedReceiptResponse(
            expected_receipt=expected_receipt_message(found), deliveries=map(delivery_message, deliveries)
        )

    async def ListExpectedReceipts(
        self,
        request: pb.ListExpectedReceiptsRequest,
        context: grpc.aio.ServicerContext[pb.ListExpectedReceiptsRequest, pb.ListExpectedReceiptsResponse],
    ) -> pb.ListExpectedReceiptsResponse:
        """By expected time."""
        check = Check()
        wanted = receiving.filter_of(check, request)
        size = check.page_size(request.page_size, default=EXPECTED_PAGE, maximum=EXPECTED_PAGE_MAX)
        filters = ["expected receipts", wanted]
        time, number = key_of(check, request.page_token, filters, first=(receiving.BEFORE_ALL, NO_ID))
        after = receiving.place_in_list(check, time, number)
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_expected_receipts(conn, wanted, after=after, limit=size + 1)
        response = pb.ListExpectedReceiptsResponse(
            expected_receipts=map(expected_receipt_message, found[:size])
        )
        if len(found) > size:
            response.next_page_token = page_token(filters, _key(found[size - 1]))
        return response

    async def ReceiveDelivery(
        self,
        request: pb.ReceiveDeliveryRequest,
        context: grpc.aio.ServicerContext[pb.ReceiveDeliveryRequest, pb.ReceiveDeliveryResponse],
    ) -> pb.ReceiveDeliveryResponse:
        """Goods of one delivery arrive."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        receipt_id = check.uuid("expected_receipt_id", request.expected_receipt_id)
        lines = messages.receipt_lines_of(check, request.lines)
        note = receiving.delivery_note_of(check, request)
        check.done()

        async def work(conn: Conn) -> pb.ReceiveDeliveryResponse:
            entries, receipt = await receive_delivery(conn, author, receipt_id, lines, note)
            return pb.ReceiveDeliveryResponse(
                entries=map(entry_message, entries), expected_receipt=expected_receipt_message(receipt)
            )

        return await self._once("ReceiveDelivery", request, pb.ReceiveDeliveryResponse, work)

    async def PutAway(
        self,
        request: pb.PutAwayRequest,
        context: grpc.aio.ServicerContext[pb.PutAwayRequest, pb.PutAwayResponse],
    ) -> pb.PutAwayResponse:
        """From receiving into bins."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        warehouse_code = messages.warehouse_code_of(check, request.warehouse_code)
        lines = messages.receipt_lines_of(check, request.lines)
        check.done()

        async def work(conn: Conn) -> pb.PutAwayResponse:
            entries = await put_away(conn, author, warehouse_code, lines)
            return pb.PutAwayResponse(entries=map(entry_message, entries))

        return await self._once("PutAway", request, pb.PutAwayResponse, work)

    async def ListPutaways(
        self,
        request: pb.ListPutawaysRequest,
        context: grpc.aio.ServicerContext[pb.ListPutawaysRequest, pb.ListPutawaysResponse],
    ) -> pb.ListPutawaysResponse:
        """What waits in receiving, the longest waiting first."""
        check = Check()
        warehouse_code = messages.warehouse_code_of(check, request.warehouse_code)
        size = check.page_size(request.page_size, default=PUTAWAYS_PAGE, maximum=PUTAWAYS_PAGE_MAX)
        filters = ["putaways", warehouse_code]
        time, sku_code = key_of(check, request.page_token, filters, first=(BEFORE_ALL_TIMES, ""))
        after = receiving.moment_in_token(check, time), sku_code
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_waiting(conn, warehouse_code, places.RECEIVING, after=after, limit=size + 1)
        response = pb.ListPutawaysResponse(putaways=map(putaway_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = page_token(filters, [last.since.isoformat(), last.sku_code])
        return response


def _key(receipt: ExpectedReceipt) -> list[str | int]:
    time = receipt.expectation.expected_time
    return [time.isoformat() if time else receiving.NOT_SAID, str(receipt.expected_receipt_id)]
