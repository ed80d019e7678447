"""InventoryService: everything that moves stock, through the ledger."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung_kit import telemetry
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import content_hash
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain.picking import ReturnCondition
from lumbung_stock.domain.reason_codes import reason_text, require_known
from lumbung_stock.domain.reservations import Resolution, Verb
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints import transfer_messages
from lumbung_stock.entrypoints.ledger_messages import entry_filter_of, past_stock_of
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import INT_MAX, key_of, page_token
from lumbung_stock.stores.audit import read_one_snapshot
from lumbung_stock.stores.reason_codes import find_reasons
from lumbung_stock.usecases.adjust_stock import adjust_stock
from lumbung_stock.usecases.get_stock_as_of import get_stock_as_of
from lumbung_stock.usecases.list_bin_stock import list_bin_stock
from lumbung_stock.usecases.list_ledger_entries import list_ledger_entries
from lumbung_stock.usecases.list_reorders import list_reorders
from lumbung_stock.usecases.move_between_bins import move_between_bins
from lumbung_stock.usecases.receive_stock import receive_stock
from lumbung_stock.usecases.receive_transfer import receive_transfer
from lumbung_stock.usecases.record_pick import record_pick
from lumbung_stock.usecases.record_put_back import record_put_back
from lumbung_stock.usecases.record_replacement import record_replacement
from lumbung_stock.usecases.record_return import record_return
from lumbung_stock.usecases.record_short_pick import record_short_pick
from lumbung_stock.usecases.require_not_counted import CountLock
from lumbung_stock.usecases.scrap_stock import scrap_stock
from lumbung_stock.usecases.set_replenishment import set_replenishment
from lumbung_stock.usecases.ship_reservation import ship_reservation
from lumbung_stock.usecases.transfer_to_warehouse import transfer_to_warehouse
from lumbung_stock.wire.inventory import (
    bin_stock_message,
    entry_message,
    reorder_need_message,
    replenishment_message,
)

BIN_STOCK_PAGE, BIN_STOCK_PAGE_MAX = 500, 2_000
LEDGER_PAGE, LEDGER_PAGE_MAX = 100, 500
AS_OF_PAGE, AS_OF_PAGE_MAX = 100, 500
REORDERS_PAGE, REORDERS_PAGE_MAX = 50, 200
MOST_URGENT = -(2**63 - 1)


class InventoryService(Mutations, rpc.InventoryServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog, lock: CountLock) -> None:
        self._postgres = postgres
        self._log = log
        self._lock = lock

    async def ReceiveStock(
        self,
        request: pb.ReceiveStockRequest,
        context: grpc.aio.ServicerContext[pb.ReceiveStockRequest, pb.ReceiveStockResponse],
    ) -> pb.ReceiveStockResponse:
        """Goods from a supplier into bins."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        warehouse_code = messages.warehouse_code_of(check, request.warehouse_code)
        document = messages.document_of(check, request.document, required=True)
        lines = messages.receipt_lines_of(check, request.lines)
        effective_time = messages.effective_time_of(check, request)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.ReceiveStockResponse:
            await self._lock.require(
                conn, author, warehouse_code, [(line.bin_code, line.sku_code) for line in lines], override
            )
            entries = await receive_stock(
                conn, author, warehouse_code, lines, document=document, effective_time=effective_time
            )
            return pb.ReceiveStockResponse(entries=map(entry_message, entries))

        return await self._once("ReceiveStock", request, pb.ReceiveStockResponse, work)

    async def MoveBetweenBins(
        self,
        request: pb.MoveBetweenBinsRequest,
        context: grpc.aio.ServicerContext[pb.MoveBetweenBinsRequest, pb.MoveBetweenBinsResponse],
    ) -> pb.MoveBetweenBinsResponse:
        """From one bin to another."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        move = messages.bin_move_of(check, request)
        reason = messages.reason_of(check, request.reason, required=False)
        effective_time = messages.effective_time_of(check, request)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.MoveBetweenBinsResponse:
            touched = [(bin_code, move.sku_code) for bin_code in (move.from_bin_code, move.to_bin_code)]
            await self._lock.require(conn, author, move.warehouse_code, touched, override)
            entry = await move_between_bins(conn, author, move, reason=reason, effective_time=effective_time)
            return pb.MoveBetweenBinsResponse(entry=entry_message(entry))

        return await self._once("MoveBetweenBins", request, pb.MoveBetweenBinsResponse, work)

    async def AdjustStock(
        self,
        request: pb.AdjustStockRequest,
        context: grpc.aio.ServicerContext[pb.AdjustStockRequest, pb.AdjustStockResponse],
    ) -> pb.AdjustStockResponse:
        """Corrects a bin's figure by a difference."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        correction = messages.correction_of(check, request)
        code = messages.reason_code_of(check, request.reason_code)
        words = messages.reason_of(check, request.reason, required=not code)
        reason = reason_text(code, words)
        if len(reason) > messages.REASON_LENGTH_MAX and words != reason:
            check.add("reason", f"must be at most {messages.REASON_LENGTH_MAX} characters with its code")
        document = messages.document_of(check, request.document, required=False)
        effective_time = messages.effective_time_of(check, request)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.AdjustStockResponse:
            await self._lock.require(
                conn,
                author,
                correction.warehouse_code,
                [(correction.bin_code, correction.sku_code)],
                override,
            )
            if code:
                require_known(await find_reasons(conn), code)
            entry = await adjust_stock(
                conn, author, correction, reason=reason, document=document, effective_time=effective_time
            )
            return pb.AdjustStockResponse(entry=entry_message(entry))

        return await self._once("AdjustStock", request, pb.AdjustStockResponse, work)

    async def RecordPick(
        self,
        request: pb.RecordPickRequest,
        context: grpc.aio.ServicerContext[pb.RecordPickRequest, pb.RecordPickResponse],
    ) -> pb.RecordPickResponse:
        """A picker took units for a confirmed reservation."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        reservation_id = check.uuid("reservation_id", request.reservation_id)
        goods = messages.goods_of(check, request)
        check.done()

        async def work(conn: Conn) -> pb.RecordPickResponse:
            entries = [*map(entry_message, await record_pick(conn, author, reservation_id, goods))]
            return pb.RecordPickResponse(entry=entries[0], entries=entries)

        return await self._once("RecordPick", request, pb.RecordPickResponse, work)

    async def RecordShortPick(
        self,
        request: pb.RecordShortPickRequest,
        context: grpc.aio.ServicerContext[pb.RecordShortPickRequest, pb.RecordShortPickResponse],
    ) -> pb.RecordShortPickResponse:
        """A picker found fewer than the book says."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        reservation_id = messages.optional_uuid_of(check, "reservation_id", request.reservation_id)
        missing = messages.missing_goods_of(check, request)
        check.done()

        async def work(conn: Conn) -> pb.RecordShortPickResponse:
            entries = [*map(entry_message, await record_short_pick(conn, author, reservation_id, missing))]
            return pb.RecordShortPickResponse(entry=entries[0], entries=entries)

        return await self._once("RecordShortPick", request, pb.RecordShortPickResponse, work)

    async def RecordPutBack(
        self,
        request: pb.RecordPutBackRequest,
        context: grpc.aio.ServicerContext[pb.RecordPutBackRequest, pb.RecordPutBackResponse],
    ) -> pb.RecordPutBackResponse:
        """Picked units go back into a bin."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        reservation_id = check.uuid("reservation_id", request.reservation_id)
        goods = messages.goods_of(check, request)
        check.done()

        async def work(conn: Conn) -> pb.RecordPutBackResponse:
            entries = [*map(entry_message, await record_put_back(conn, author, reservation_id, goods))]
            return pb.RecordPutBackResponse(entry=entries[0], entries=entries)

        return await self._once("RecordPutBack", request, pb.RecordPutBackResponse, work)

    async def ShipReservation(
        self,
        request: pb.ShipReservationRequest,
        context: grpc.aio.ServicerContext[pb.ShipReservationRequest, pb.ShipReservationResponse],
    ) -> pb.ShipReservationResponse:
        """A parcel leaves."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        wish = Resolution(
            reservation_id=check.uuid("reservation_id", request.reservation_id),
            verb=Verb.SHIP,
            request_id=author.request_id,
            actor=author.actor,
            document=messages.document_of(check, request.document, required=False),
            warehouse_code=messages.optional_warehouse_code_of(check, request.warehouse_code),
            content_hash=content_hash(request),
            traceparent=telemetry.current_traceparent(),
        )
        check.done()

        async def work(conn: Conn) -> pb.ShipReservationResponse:
            entries = await ship_reservation(conn, author, wish)
            return pb.ShipReservationResponse(entries=map(entry_message, entries))

        return await self._once("ShipReservation", request, pb.ShipReservationResponse, work)

    async def RecordReturn(
        self,
        request: pb.RecordReturnRequest,
        context: grpc.aio.ServicerContext[pb.RecordReturnRequest, pb.RecordReturnResponse],
    ) -> pb.RecordReturnResponse:
        """Goods come back from a customer."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        reservation_id = check.uuid("reservation_id", request.reservation_id)
        goods = messages.returned_goods_of(check, request)
        reason = messages.reason_of(check, request.reason, required=False)
        effective_time = messages.effective_time_of(check, request)
        check.done()
        condition = ReturnCondition(request.condition)

        async def work(conn: Conn) -> pb.RecordReturnResponse:
            booked = await record_return(
                conn,
                author,
                reservation_id,
                goods,
                condition=condition,
                reason=reason,
                effective_time=effective_time,
            )
            entries = [*map(entry_message, booked)]
            return pb.RecordReturnResponse(entry=entries[0], entries=entries)

        return await self._once("RecordReturn", request, pb.RecordReturnResponse, work)

    async def ScrapStock(
        self,
        request: pb.ScrapStockRequest,
        context: grpc.aio.ServicerContext[pb.ScrapStockRequest, pb.ScrapStockResponse],
    ) -> pb.ScrapStockResponse:
        """Units are thrown away."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        goods = messages.goods_of(check, request)
        reason = messages.reason_of(check, request.reason, required=True)
        effective_time = messages.effective_time_of(check, request)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.ScrapStockResponse:
            await self._lock.require_goods(conn, author, goods, override)
            entry = await scrap_stock(conn, author, goods, reason=reason, effective_time=effective_time)
            return pb.ScrapStockResponse(entry=entry_message(entry))

        return await self._once("ScrapStock", request, pb.ScrapStockResponse, work)

    async def SetReplenishment(
        self,
        request: pb.SetReplenishmentRequest,
        context: grpc.aio.ServicerContext[pb.SetReplenishmentRequest, pb.SetReplenishmentResponse],
    ) -> pb.SetReplenishmentResponse:
        """Sets what is kept back and when to reorder."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        figures = messages.replenishment_of(check, request.replenishment)
        reason = messages.reason_of(check, request.reason, required=False)
        check.done()

        async def work(conn: Conn) -> pb.SetReplenishmentResponse:
            await set_replenishment(conn, author, figures, reason=reason)
            return pb.SetReplenishmentResponse(replenishment=replenishment_message(figures))

        return await self._once("SetReplenishment", request, pb.SetReplenishmentResponse, work)

    async def ListBinStock(
        self,
        request: pb.ListBinStockRequest,
        context: grpc.aio.ServicerContext[pb.ListBinStockRequest, pb.ListBinStockResponse],
    ) -> pb.ListBinStockResponse:
        """Units by bin and SKU."""
        check = Check()
        warehouse_code = messages.warehouse_code_of(check, request.warehouse_code)
        skus = messages.filter_of(check, "sku_codes", request.sku_codes)
        bins = messages.filter_of(check, "bin_codes", request.bin_codes)
        size = check.page_size(request.page_size, default=BIN_STOCK_PAGE, maximum=BIN_STOCK_PAGE_MAX)
        filters = ["bin stock", warehouse_code, skus, bins]
        place, sku = key_of(check, request.page_token, filters, first=("", ""))
        check.done()
        async with self._postgres.transaction() as conn:
            await read_one_snapshot(conn)
            found = await list_bin_stock(
                conn, warehouse_code, sku_codes=skus, bin_codes=bins, after=(place, sku), limit=size + 1
            )
        response = pb.ListBinStockResponse(bin_stock=[bin_stock_message(*one) for one in found[:size]])
        if len(found) > size:
            last, _ = found[size - 1]
            response.next_page_token = page_token(filters, [last.place_code, last.sku_code])
        return response

    async def ListLedgerEntries(
        self,
        request: pb.ListLedgerEntriesRequest,
        context: grpc.aio.ServicerContext[pb.ListLedgerEntriesRequest, pb.ListLedgerEntriesResponse],
    ) -> pb.ListLedgerEntriesResponse:
        """Entries of the ledger by sequence."""
        check = Check()
        wanted = entry_filter_of(check, request)
        size = check.page_size(request.page_size, default=LEDGER_PAGE, maximum=LEDGER_PAGE_MAX)
        backwards = request.newest_first
        filters = ["ledger", repr(wanted), backwards]
        (beyond,) = key_of(check, request.page_token, filters, first=(INT_MAX if backwards else 0,))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_ledger_entries(
                conn, wanted, beyond=beyond, limit=size + 1, newest_first=backwards
            )
        response = pb.ListLedgerEntriesResponse(entries=map(entry_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, [found[size - 1].sequence])
        return response

    async def GetStockAsOf(
        self,
        request: pb.GetStockAsOfRequest,
        context: grpc.aio.ServicerContext[pb.GetStockAsOfRequest, pb.GetStockAsOfResponse],
    ) -> pb.GetStockAsOfResponse:
        """Units by SKU and place at an instant of the past."""
        check = Check()
        wanted = past_stock_of(check, request)
        size = check.page_size(request.page_size, default=AS_OF_PAGE, maximum=AS_OF_PAGE_MAX)
        filters = ["as of", repr(wanted)]
        (after,) = key_of(check, request.page_token, filters, first=("",))
        check.done()
        page = await get_stock_as_of(self._postgres, wanted, after_sku=after, skus_max=size)
        response = pb.GetStockAsOfResponse(bin_stock=[bin_stock_message(*one) for one in page.stock])
        if page.last_sku:
            response.next_page_token = page_token(filters, [page.last_sku])
        return response

    async def ListReorders(
        self,
        request: pb.ListReordersRequest,
        context: grpc.aio.ServicerContext[pb.ListReordersRequest, pb.ListReordersResponse],
    ) -> pb.ListReordersResponse:
        """What is at or below its reorder point."""
        check = Check()
        warehouse_code = messages.optional_warehouse_code_of(check, request.warehouse_code)
        size = check.page_size(request.page_size, default=REORDERS_PAGE, maximum=REORDERS_PAGE_MAX)
        filters = ["reorders", warehouse_code]
        after = key_of(check, request.page_token, filters, first=(MOST_URGENT, "", ""))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_reorders(
                conn, warehouse_code, after=(after[0], after[1], after[2]), limit=size + 1
            )
        page = found[:size]
        response = pb.ListReordersResponse(
            reorders=[replenishment_message(each.figures) for each in page],
            needs=map(reorder_need_message, page),
        )
        if len(found) > size:
            last = page[-1]
            key = (last.urgency, *last.figures.key)
            response.next_page_token = page_token(filters, key)
        return response

    async def TransferToWarehouse(
        self,
        request: pb.TransferToWarehouseRequest,
        context: grpc.aio.ServicerContext[pb.TransferToWarehouseRequest, pb.TransferToWarehouseResponse],
    ) -> pb.TransferToWarehouseResponse:
        """A transfer made and sent at once."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        route = transfer_messages.route_of(check, request)
        parcels = transfer_messages.parcels_of(check, request.lines)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.TransferToWarehouseResponse:
            touched = [(parcel.bin_code, parcel.sku_code) for parcel in parcels]
            await self._lock.require(conn, author, route.from_warehouse_code, touched, override)
            entries, sent = await transfer_to_warehouse(conn, author, route, parcels)
            return pb.TransferToWarehouseResponse(
                transfer_id=str(sent.transfer_id), entries=map(entry_message, entries)
            )

        return await self._once("TransferToWarehouse", request, pb.TransferToWarehouseResponse, work)

    async def ReceiveTransfer(
        self,
        request: pb.ReceiveTransferRequest,
        context: grpc.aio.ServicerContext[pb.ReceiveTransferRequest, pb.ReceiveTransferResponse],
    ) -> pb.ReceiveTransferResponse:
        """Units arrive from another warehouse."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        transfer_id = check.uuid("transfer_id", request.transfer_id)
        parcels = transfer_messages.parcels_of(check, request.lines)
        accept_reason = transfer_messages.accept_reason_of(check, request.accept_reason)
        check.done()

        async def work(conn: Conn) -> pb.ReceiveTransferResponse:
            entries, after = await receive_transfer(
                conn, author, transfer_id, parcels, accept_reason=accept_reason
            )
            return pb.ReceiveTransferResponse(
                entries=map(entry_message, entries), in_transit_quantity=after.in_transit
            )

        return await self._once("ReceiveTransfer", request, pb.ReceiveTransferResponse, work)

    async def RecordReplacement(
        self,
        request: pb.RecordReplacementRequest,
        context: grpc.aio.ServicerContext[pb.RecordReplacementRequest, pb.RecordReplacementResponse],
    ) -> pb.RecordReplacementResponse:
        """A customer gets other units in place of wrong ones."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        reservation_id = check.uuid("reservation_id", request.reservation_id)
        goods = messages.goods_of(check, request)
        reason = messages.reason_of(check, request.reason, required=True)
        document = messages.document_of(check, request.document, required=False)
        check.done()

        async def work(conn: Conn) -> pb.RecordReplacementResponse:
            entry = await record_replacement(
                conn, author, reservation_id, goods, reason=reason, document=document
            )
            return pb.RecordReplacementResponse(entry=entry_message(entry))

        return await self._once("RecordReplacement", request, pb.RecordReplacementResponse, work)
