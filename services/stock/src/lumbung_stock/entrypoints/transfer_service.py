"""TransferService: goods that go from one warehouse to another."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import transfers_pb2 as pb
from lumbung.stock.v1 import transfers_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints import transfer_messages
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.entrypoints.receiving_messages import uuid_in_token
from lumbung_stock.usecases.cancel_transfer import cancel_transfer
from lumbung_stock.usecases.close_transfer import close_transfer
from lumbung_stock.usecases.create_transfer import create_transfer
from lumbung_stock.usecases.get_transfer import get_transfer
from lumbung_stock.usecases.list_transfers import list_transfers
from lumbung_stock.usecases.send_transfer import send_transfer
from lumbung_stock.wire.inventory import entry_message
from lumbung_stock.wire.transfers import transfer_message

TRANSFERS_PAGE, TRANSFERS_PAGE_MAX = 50, 200
AFTER_ALL_IDS = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class TransferService(Mutations, rpc.TransferServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self._postgres = postgres
        self._log = log

    async def CreateTransfer(
        self,
        request: pb.CreateTransferRequest,
        context: grpc.aio.ServicerContext[pb.CreateTransferRequest, pb.CreateTransferResponse],
    ) -> pb.CreateTransferResponse:
        """Says what is to travel."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        route = transfer_messages.route_of(check, request)
        lines = transfer_messages.lines_of(check, request.lines)
        check.done()

        async def work(conn: Conn) -> pb.CreateTransferResponse:
            made = await create_transfer(conn, author.actor, route, lines)
            return pb.CreateTransferResponse(transfer=transfer_message(made))

        return await self._once("CreateTransfer", request, pb.CreateTransferResponse, work)

    async def SendTransfer(
        self,
        request: pb.SendTransferRequest,
        context: grpc.aio.ServicerContext[pb.SendTransferRequest, pb.SendTransferResponse],
    ) -> pb.SendTransferResponse:
        """Units leave."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        transfer_id = check.uuid("transfer_id", request.transfer_id)
        parcels = transfer_messages.parcels_of(check, request.lines)
        check.done()

        async def work(conn: Conn) -> pb.SendTransferResponse:
            entries, after = await send_transfer(conn, author, transfer_id, parcels)
            return pb.SendTransferResponse(
                entries=map(entry_message, entries), transfer=transfer_message(after)
            )

        return await self._once("SendTransfer", request, pb.SendTransferResponse, work)

    async def CancelTransfer(
        self,
        request: pb.CancelTransferRequest,
        context: grpc.aio.ServicerContext[pb.CancelTransferRequest, pb.CancelTransferResponse],
    ) -> pb.CancelTransferResponse:
        """What was not sent stays."""
        check = Check()
        check.request_id(request.request_id)
        transfer_id = check.uuid("transfer_id", request.transfer_id)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.CancelTransferResponse:
            after = await cancel_transfer(conn, transfer_id, reason=reason)
            return pb.CancelTransferResponse(transfer=transfer_message(after))

        return await self._once("CancelTransfer", request, pb.CancelTransferResponse, work)

    async def CloseTransfer(
        self,
        request: pb.CloseTransferRequest,
        context: grpc.aio.ServicerContext[pb.CloseTransferRequest, pb.CloseTransferResponse],
    ) -> pb.CloseTransferResponse:
        """What has not arrived is lost."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        transfer_id = check.uuid("transfer_id", request.transfer_id)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.CloseTransferResponse:
            entries, after = await close_transfer(conn, author, transfer_id, reason=reason)
            return pb.CloseTransferResponse(
                entries=map(entry_message, entries), transfer=transfer_message(after)
            )

        return await self._once("CloseTransfer", request, pb.CloseTransferResponse, work)

    async def GetTransfer(
        self,
        request: pb.GetTransferRequest,
        context: grpc.aio.ServicerContext[pb.GetTransferRequest, pb.GetTransferResponse],
    ) -> pb.GetTransferResponse:
        """One with its lines."""
        check = Check()
        transfer_id = check.uuid("transfer_id", request.transfer_id)
        check.done()
        async with self._postgres.connection() as conn:
            found = await get_transfer(conn, transfer_id)
        return pb.GetTransferResponse(transfer=transfer_message(found))

    async def ListTransfers(
        self,
        request: pb.ListTransfersRequest,
        context: grpc.aio.ServicerContext[pb.ListTransfersRequest, pb.ListTransfersResponse],
    ) -> pb.ListTransfersResponse:
        """The newest first."""
        check = Check()
        wanted = transfer_messages.filter_of(check, request)
        size = check.page_size(request.page_size, default=TRANSFERS_PAGE, maximum=TRANSFERS_PAGE_MAX)
        filters = ["transfers", wanted]
        (number,) = key_of(check, request.page_token, filters, first=(AFTER_ALL_IDS,))
        before = uuid_in_token(check, number)
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_transfers(conn, wanted, before=before, limit=size + 1)
        response = pb.ListTransfersResponse(transfers=map(transfer_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, [str(found[size - 1].transfer_id)])
        return response
