"""ReplenishmentService: when to reorder and how much, set by people or suggested."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import replenishment_pb2 as pb
from lumbung.stock.v1 import replenishment_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints import replenishment_messages as wanted
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.entrypoints.reservation_messages import optional_code
from lumbung_stock.usecases.batch_remove_lead_times import batch_remove_lead_times
from lumbung_stock.usecases.batch_set_lead_times import batch_set_lead_times
from lumbung_stock.usecases.batch_set_replenishment import batch_set_replenishment
from lumbung_stock.usecases.list_lead_times import list_lead_times
from lumbung_stock.usecases.list_replenishment_changes import list_replenishment_changes
from lumbung_stock.usecases.suggest_replenishment import suggest_replenishment
from lumbung_stock.wire.inventory import replenishment_message
from lumbung_stock.wire.replenishment import change_message, lead_time_message, suggestion_message

PAGE, PAGE_MAX = 100, 500


class ReplenishmentService(rpc.ReplenishmentServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self._postgres = postgres
        self._log = log

    async def BatchSetReplenishment(
        self,
        request: pb.BatchSetReplenishmentRequest,
        context: grpc.aio.ServicerContext[pb.BatchSetReplenishmentRequest, pb.BatchSetReplenishmentResponse],
    ) -> pb.BatchSetReplenishmentResponse:
        """Figures of many SKUs, all or none."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        figures = wanted.figures_of(check, request.replenishments)
        reason = messages.reason_of(check, request.reason, required=False)
        check.done()

        async def work(conn: Conn) -> pb.BatchSetReplenishmentResponse:
            await batch_set_replenishment(conn, author, figures, reason=reason)
            return pb.BatchSetReplenishmentResponse(replenishments=map(replenishment_message, figures))

        response = await once(
            self._postgres, "BatchSetReplenishment", request, pb.BatchSetReplenishmentResponse, work
        )
        self._log.poke()
        return response

    async def ListReplenishmentChanges(
        self,
        request: pb.ListReplenishmentChangesRequest,
        context: grpc.aio.ServicerContext[
            pb.ListReplenishmentChangesRequest, pb.ListReplenishmentChangesResponse
        ],
    ) -> pb.ListReplenishmentChangesResponse:
        """Who changed the figures of a SKU."""
        check = Check()
        warehouse = messages.warehouse_code_of(check, request.warehouse_code)
        sku = check.code("sku_code", request.sku_code)
        size = check.page_size(request.page_size, default=PAGE, maximum=PAGE_MAX)
        filters = ["replenishment changes", warehouse, sku]
        (after,) = key_of(check, request.page_token, filters, first=(0,))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_replenishment_changes(conn, warehouse, sku, after=after, limit=size + 1)
        response = pb.ListReplenishmentChangesResponse(changes=map(change_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, [found[size - 1].change_id])
        return response

    async def BatchSetLeadTimes(
        self,
        request: pb.BatchSetLeadTimesRequest,
        context: grpc.aio.ServicerContext[pb.BatchSetLeadTimesRequest, pb.BatchSetLeadTimesResponse],
    ) -> pb.BatchSetLeadTimesResponse:
        """How long suppliers take."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        said = wanted.lead_times_of(check, request.lead_times)
        check.done()

        async def work(conn: Conn) -> pb.BatchSetLeadTimesResponse:
            await batch_set_lead_times(conn, author, said)
            return pb.BatchSetLeadTimesResponse(lead_times=map(lead_time_message, said))

        return await once(self._postgres, "BatchSetLeadTimes", request, pb.BatchSetLeadTimesResponse, work)

    async def BatchRemoveLeadTimes(
        self,
        request: pb.BatchRemoveLeadTimesRequest,
        context: grpc.aio.ServicerContext[pb.BatchRemoveLeadTimesRequest, pb.BatchRemoveLeadTimesResponse],
    ) -> pb.BatchRemoveLeadTimesResponse:
        """What was said of lead times is taken back."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        keys = wanted.lead_time_keys_of(check, request.lead_times)
        check.done()

        async def work(conn: Conn) -> pb.BatchRemoveLeadTimesResponse:
            await batch_remove_lead_times(conn, author, keys)
            return pb.BatchRemoveLeadTimesResponse()

        return await once(
            self._postgres, "BatchRemoveLeadTimes", request, pb.BatchRemoveLeadTimesResponse, work
        )

    async def ListLeadTimes(
        self,
        request: pb.ListLeadTimesRequest,
        context: grpc.aio.ServicerContext[pb.ListLeadTimesRequest, pb.ListLeadTimesResponse],
    ) -> pb.ListLeadTimesResponse:
        """Lead times by SKU, then priority."""
        check = Check()
        warehouse = messages.warehouse_code_of(check, request.warehouse_code)
        sku = optional_code(check, "sku_code", request.sku_code)
        size = check.page_size(request.page_size, default=PAGE, maximum=PAGE_MAX)
        filters = ["lead times", warehouse, sku]
        first = key_of(check, request.page_token, filters, first=("", -1, ""))
        check.done()
        after = (first[0], first[1], first[2])
        async with self._postgres.connection() as conn:
            found = await list_lead_times(conn, warehouse, sku, after=after, limit=size + 1)
        response = pb.ListLeadTimesResponse(lead_times=map(lead_time_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            key = (last.sku_code, last.priority, last.supplier_code)
            response.next_page_token = page_token(filters, key)
        return response

    async def SuggestReplenishment(
        self,
        request: pb.SuggestReplenishmentRequest,
        context: grpc.aio.ServicerContext[pb.SuggestReplenishmentRequest, pb.SuggestReplenishmentResponse],
    ) -> pb.SuggestReplenishmentResponse:
        """Figures out of sales and lead times, with what they were reckoned from."""
        check = Check()
        question = wanted.question_of(check, request)
        check.done()
        async with self._postgres.transaction() as conn:
            found = await suggest_replenishment(conn, question)
        return pb.SuggestReplenishmentResponse(
            suggestions=[
                suggestion_message(each.suggestion, each.present, each.demand, each.lead_time)
                for each in found
            ],
            service_level=question.policy.service_level,
            history_days=question.history_days,
        )
