"""ShortfallService: promises that cannot be kept as they were made, and what is done about them."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import shortfalls_pb2 as pb
from lumbung.stock.v1 import shortfalls_pb2_grpc as rpc
from lumbung_kit import telemetry
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import content_hash
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints import shortfall_messages as asked
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.usecases.backorder_shortfall import backorder_shortfall
from lumbung_stock.usecases.cancel_shortfall import cancel_shortfall
from lumbung_stock.usecases.list_shortfall_acts import list_shortfall_acts
from lumbung_stock.usecases.list_shortfall_hits import list_shortfall_hits
from lumbung_stock.usecases.resource_shortfall import resource_shortfall
from lumbung_stock.wire.reservations import reservation_message
from lumbung_stock.wire.shortfalls import act_message, hit_message

HITS_PAGE, HITS_PAGE_MAX = 50, 200
ACTS_PAGE, ACTS_PAGE_MAX = 100, 500


class ShortfallService(Mutations, rpc.ShortfallServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self._postgres = postgres
        self._log = log

    async def ListShortfallHits(
        self,
        request: pb.ListShortfallHitsRequest,
        context: grpc.aio.ServicerContext[pb.ListShortfallHitsRequest, pb.ListShortfallHitsResponse],
    ) -> pb.ListShortfallHitsResponse:
        """The oldest shortfall first, in it the youngest promise."""
        check = Check()
        some = asked.hit_filter_of(check, request)
        size = check.page_size(request.page_size, default=HITS_PAGE, maximum=HITS_PAGE_MAX)
        filters: list[object] = ["shortfall hits", some]
        after = asked.place_among_hits(check, request.page_token, filters)
        check.done()
        async with self._postgres.transaction() as conn:
            found = await list_shortfall_hits(conn, some, after=after, limit=size + 1)
        response = pb.ListShortfallHitsResponse(hits=map(hit_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, asked.key_of_hit(found[size - 1]))
        return response

    async def ResourceShortfall(
        self,
        request: pb.ResourceShortfallRequest,
        context: grpc.aio.ServicerContext[pb.ResourceShortfallRequest, pb.ResourceShortfallResponse],
    ) -> pb.ResourceShortfallResponse:
        """Another warehouse gives the units."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        lack = asked.lack_of(check, request, request.quantity)
        giver = asked.giver_of(check, request)
        reason = messages.reason_of(check, request.reason, required=False)
        check.done()

        async def work(conn: Conn) -> pb.ResourceShortfallResponse:
            done = await resource_shortfall(conn, author, lack, to_warehouse_code=giver, reason=reason)
            return pb.ResourceShortfallResponse(
                reservation=reservation_message(done.reservation),
                to_warehouse_code=done.to_warehouse_code,
                moved=[pb.MovedUnits(sku_code=sku, quantity=done.moved[sku]) for sku in sorted(done.moved)],
            )

        return await self._once("ResourceShortfall", request, pb.ResourceShortfallResponse, work)

    async def BackorderShortfall(
        self,
        request: pb.BackorderShortfallRequest,
        context: grpc.aio.ServicerContext[pb.BackorderShortfallRequest, pb.BackorderShortfallResponse],
    ) -> pb.BackorderShortfallResponse:
        """The buyer waits."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        lack = asked.lack_of(check, request, request.quantity)
        reason = messages.reason_of(check, request.reason, required=False)
        check.done()

        async def work(conn: Conn) -> pb.BackorderShortfallResponse:
            hit = await backorder_shortfall(conn, author, lack, reason=reason)
            return pb.BackorderShortfallResponse(hit=hit_message(hit))

        return await self._once("BackorderShortfall", request, pb.BackorderShortfallResponse, work)

    async def CancelShortfall(
        self,
        request: pb.CancelShortfallRequest,
        context: grpc.aio.ServicerContext[pb.CancelShortfallRequest, pb.CancelShortfallResponse],
    ) -> pb.CancelShortfallResponse:
        """The reservation is taken back."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        lack = asked.lack_of(check, request)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()
        traceparent = telemetry.current_traceparent()

        async def work(conn: Conn) -> pb.CancelShortfallResponse:
            digest = content_hash(request)
            taken_back = await cancel_shortfall(
                conn, author, lack, reason=reason, content_hash=digest, traceparent=traceparent
            )
            return pb.CancelShortfallResponse(reservation=reservation_message(taken_back))

        return await self._once("CancelShortfall", request, pb.CancelShortfallResponse, work)

    async def ListShortfallActs(
        self,
        request: pb.ListShortfallActsRequest,
        context: grpc.aio.ServicerContext[pb.ListShortfallActsRequest, pb.ListShortfallActsResponse],
    ) -> pb.ListShortfallActsResponse:
        """What was done, oldest first."""
        check = Check()
        some = asked.act_filter_of(check, request)
        size = check.page_size(request.page_size, default=ACTS_PAGE, maximum=ACTS_PAGE_MAX)
        filters: list[object] = ["shortfall acts", some]
        (after,) = key_of(check, request.page_token, filters, first=(0,))
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_shortfall_acts(conn, some, after=after, limit=size + 1)
        response = pb.ListShortfallActsResponse(acts=map(act_message, found[:size]))
        if len(found) > size:
            response.next_page_token = page_token(filters, [found[size - 1].act_id])
        return response
