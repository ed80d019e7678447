"""StocktakeService: opening balances and cycle counts."""

from __future__ import annotations

from uuid import UUID

import grpc

from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung.stock.v1 import stocktakes_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints import stocktake_messages as texts
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.entrypoints.receiving_messages import moment_in_token, uuid_in_token
from lumbung_stock.stores import stocktakes
from lumbung_stock.stores.reservations import clock
from lumbung_stock.usecases.abandon_stocktake import abandon_stocktake
from lumbung_stock.usecases.approve_stocktake import approve_stocktake
from lumbung_stock.usecases.finish_count_round import finish_count_round
from lumbung_stock.usecases.open_stocktake import open_stocktake
from lumbung_stock.usecases.record_counts import RowsWrongError, record_counts
from lumbung_stock.usecases.request_recount import request_recount
from lumbung_stock.usecases.review_stocktake import review_stocktake
from lumbung_stock.usecases.set_unit_costs import set_unit_costs
from lumbung_stock.wire.reservations import timestamp

PAGE, PAGE_MAX = 50, 200
TASKS_PAGE, TASKS_PAGE_MAX = 100, 500
REVIEW_PAGE, REVIEW_PAGE_MAX = 1_000, 5_000
COUNTERS_SHOWN_MAX = 100
STEPS_SHOWN_MAX = 100
OVERRIDES_SHOWN_MAX = 100
AFTER_ALL = "9999-12-31T23:59:59+00:00"
LAST_ID = str(UUID(int=2**128 - 1))


class StocktakeService(Mutations, rpc.StocktakeServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog, currency_code: str) -> None:
        self._postgres = postgres
        self._log = log
        self._currency_code = currency_code

    async def OpenStocktake(
        self,
        request: pb.OpenStocktakeRequest,
        context: grpc.aio.ServicerContext[pb.OpenStocktakeRequest, pb.OpenStocktakeResponse],
    ) -> pb.OpenStocktakeResponse:
        """Opens a count over a scope."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        opening = texts.opening_of(check, request)
        check.done()

        async def work(conn: Conn) -> pb.OpenStocktakeResponse:
            count = await open_stocktake(conn, author, opening)
            return pb.OpenStocktakeResponse(stocktake=texts.stocktake_message(count))

        return await self._once("OpenStocktake", request, pb.OpenStocktakeResponse, work)

    async def GetStocktake(
        self,
        request: pb.GetStocktakeRequest,
        context: grpc.aio.ServicerContext[pb.GetStocktakeRequest, pb.GetStocktakeResponse],
    ) -> pb.GetStocktakeResponse:
        """One count with its progress."""
        check = Check()
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        check.done()
        async with self._postgres.connection() as conn:
            count = await stocktakes.find_stocktake(conn, stocktake_id)
            progress = await stocktakes.read_progress(conn, count)
            counters = await stocktakes.find_counters(conn, stocktake_id, COUNTERS_SHOWN_MAX)
            steps = await stocktakes.find_steps(conn, stocktake_id, STEPS_SHOWN_MAX)
            overrides = await stocktakes.find_overrides(conn, stocktake_id, OVERRIDES_SHOWN_MAX)
        return pb.GetStocktakeResponse(
            stocktake=texts.stocktake_message(count),
            progress=pb.StocktakeProgress(
                line_count=progress.line_count,
                counted_line_count=progress.counted_line_count,
                scan_count=progress.scan_count,
                override_count=progress.override_count,
            ),
            counters=counters,
            steps=map(texts.step_message, steps),
            overrides=map(texts.override_message, overrides),
        )

    async def ListStocktakes(
        self,
        request: pb.ListStocktakesRequest,
        context: grpc.aio.ServicerContext[pb.ListStocktakesRequest, pb.ListStocktakesResponse],
    ) -> pb.ListStocktakesResponse:
        """Counts, newest first."""
        check = Check()
        warehouse_code = messages.optional_warehouse_code_of(check, request.warehouse_code)
        if request.state:
            check.choice("state", request.state, pb.StocktakeState)
        size = check.page_size(request.page_size, default=PAGE, maximum=PAGE_MAX)
        filters = ["stocktakes", warehouse_code, int(request.state)]
        time, last_id = key_of(check, request.page_token, filters, first=(AFTER_ALL, LAST_ID))
        before = moment_in_token(check, time), uuid_in_token(check, last_id)
        check.done()
        async with self._postgres.connection() as conn:
            found = await stocktakes.list_stocktakes(conn, warehouse_code, request.state, before, size + 1)
        response = pb.ListStocktakesResponse(stocktakes=map(texts.stocktake_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = page_token(
                filters, [last.open_time.isoformat(), str(last.stocktake_id)]
            )
        return response

    async def ListCountTasks(
        self,
        request: pb.ListCountTasksRequest,
        context: grpc.aio.ServicerContext[pb.ListCountTasksRequest, pb.ListCountTasksResponse],
    ) -> pb.ListCountTasksResponse:
        """What is still to be counted in this round."""
        check = Check()
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        size = check.page_size(request.page_size, default=TASKS_PAGE, maximum=TASKS_PAGE_MAX)
        filters = ["count tasks", request.stocktake_id]
        round_, after = key_of(check, request.page_token, filters, first=(0, 0))
        check.done()
        async with self._postgres.connection() as conn:
            count = await stocktakes.find_stocktake(conn, stocktake_id)
            if request.page_token and round_ != count.round:
                check.add("page_token", f"is of round {round_}, which has ended: begin with the first page")
                check.done()
            found = await stocktakes.list_tasks(conn, count, after, size + 1)
            now = await clock(conn)
        response = pb.ListCountTasksResponse(server_time=timestamp(now))
        for task in found[:size]:
            response.tasks.add(
                bin_code=task.bin_code,
                sku_code=task.sku_code,
                round=count.round,
                sku_name=task.sku_name,
                counted_by=task.counted_by,
                tracked_by_lot=task.tracked_by_lot,
                lot_codes=filter(None, task.lots),
                has_units_without_lot="" in task.lots,
            )
        if len(found) > size:
            response.next_page_token = page_token(filters, [count.round, found[size - 1].rank])
        return response

    async def RecordCounts(
        self,
        request: pb.RecordCountsRequest,
        context: grpc.aio.ServicerContext[pb.RecordCountsRequest, pb.RecordCountsResponse],
    ) -> pb.RecordCountsResponse:
        """Writes counts down, or says everything that is wrong with them."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        offset = texts.span_of(
            check,
            "clock_offset",
            request.clock_offset,
            minimum_s=-texts.OFFSET_S_MAX,
            maximum_s=texts.OFFSET_S_MAX,
        )
        if wrong_number := texts.wrong_counts(len(request.counts)):
            check.add(wrong_number.field, wrong_number.description)
        check.whole("round", request.round, minimum=0, maximum=texts.ROUND_MAX)
        check.done()

        async def work(conn: Conn) -> pb.RecordCountsResponse:
            count = await stocktakes.share_stocktake(conn, stocktake_id)
            count.require_round(request.round)
            rows, wrong = texts.scans_of(request.counts, offset, author.actor, await clock(conn))
            written = await record_counts(
                conn, author, count, rows, wrong, validate_only=request.validate_only
            )
            return pb.RecordCountsResponse(recorded_count=written.new, repeated_count=written.repeated)

        try:
            if request.validate_only:
                async with self._postgres.transaction() as conn:
                    return await work(conn)
            return await self._once("RecordCounts", request, pb.RecordCountsResponse, work)
        except RowsWrongError as rows_wrong:  # nothing was written, and the request_id is free again
            return pb.RecordCountsResponse(errors=map(texts.row_error_message, rows_wrong.errors))

    async def FinishRound(
        self,
        request: pb.FinishRoundRequest,
        context: grpc.aio.ServicerContext[pb.FinishRoundRequest, pb.FinishRoundResponse],
    ) -> pb.FinishRoundResponse:
        """Ends a round."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        check.done()

        async def work(conn: Conn) -> pb.FinishRoundResponse:
            count, again = await finish_count_round(
                conn,
                author,
                stocktake_id,
                accept_uncounted=request.accept_uncounted,
                skip_recount=request.skip_recount,
            )
            return pb.FinishRoundResponse(stocktake=texts.stocktake_message(count), recount_line_count=again)

        return await self._once("FinishRound", request, pb.FinishRoundResponse, work)

    async def RequestRecount(
        self,
        request: pb.RequestRecountRequest,
        context: grpc.aio.ServicerContext[pb.RequestRecountRequest, pb.RequestRecountResponse],
    ) -> pb.RequestRecountResponse:
        """Sends lines back to be counted again."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        lines = texts.lines_of(check, request.lines)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.RequestRecountResponse:
            count = await request_recount(conn, author, stocktake_id, lines, reason)
            return pb.RequestRecountResponse(stocktake=texts.stocktake_message(count))

        return await self._once("RequestRecount", request, pb.RequestRecountResponse, work)

    async def ReviewStocktake(
        self,
        request: pb.ReviewStocktakeRequest,
        context: grpc.aio.ServicerContext[pb.ReviewStocktakeRequest, pb.ReviewStocktakeResponse],
    ) -> pb.ReviewStocktakeResponse:
        """Differences with their value."""
        check = Check()
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        size = check.page_size(request.page_size, default=REVIEW_PAGE, maximum=REVIEW_PAGE_MAX)
        filters = ["review", request.stocktake_id, request.include_equal]
        start, *known = key_of(check, request.page_token, filters, first=(0, 0, 0, AFTER_ALL))
        at = texts.instant_of(check, known)
        check.done()
        if not request.page_token:
            async with self._postgres.transaction() as conn:
                at = await stocktakes.read_instant(conn, stocktake_id)
        async with self._postgres.connection() as conn:
            review = await review_stocktake(conn, stocktake_id, at, include_equal=request.include_equal)
        start = max(start, 0)
        response = pb.ReviewStocktakeResponse(
            stocktake=texts.stocktake_message(review.count),
            differences=texts.differences_of(review, start, size),
            total_value_difference_minor=review.total_value,
            currency_code=self._currency_code,
            uncounted_line_count=review.uncounted,
            review_time=timestamp(review.time),
        )
        if start + size < len(review.lines):
            known = [at.sequence, at.position, at.time.isoformat()]
            response.next_page_token = page_token(filters, [start + size, *known])
        return response

    async def ApproveStocktake(
        self,
        request: pb.ApproveStocktakeRequest,
        context: grpc.aio.ServicerContext[pb.ApproveStocktakeRequest, pb.ApproveStocktakeResponse],
    ) -> pb.ApproveStocktakeResponse:
        """Books the differences."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        check.done()

        async def work(conn: Conn) -> pb.ApproveStocktakeResponse:
            done = await approve_stocktake(
                conn, author, stocktake_id, leave_uncertain=request.leave_uncertain
            )
            return pb.ApproveStocktakeResponse(
                stocktake=texts.stocktake_message(done.count),
                entry_count=done.entry_count,
                left_uncertain_count=done.left_uncertain,
            )

        return await self._once("ApproveStocktake", request, pb.ApproveStocktakeResponse, work)

    async def AbandonStocktake(
        self,
        request: pb.AbandonStocktakeRequest,
        context: grpc.aio.ServicerContext[pb.AbandonStocktakeRequest, pb.AbandonStocktakeResponse],
    ) -> pb.AbandonStocktakeResponse:
        """Ends a count without booking."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        stocktake_id = texts.stocktake_id_of(check, request.stocktake_id)
        reason = messages.reason_of(check, request.reason, required=True)
        check.done()

        async def work(conn: Conn) -> pb.AbandonStocktakeResponse:
            count = await abandon_stocktake(conn, author, stocktake_id, reason)
            return pb.AbandonStocktakeResponse(stocktake=texts.stocktake_message(count))

        return await self._once("AbandonStocktake", request, pb.AbandonStocktakeResponse, work)

    async def SetUnitCosts(
        self,
        request: pb.SetUnitCostsRequest,
        context: grpc.aio.ServicerContext[pb.SetUnitCostsRequest, pb.SetUnitCostsResponse],
    ) -> pb.SetUnitCostsResponse:
        """Sets what units cost the shop."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        costs = texts.costs_of(check, request.unit_costs)
        check.done()

        async def work(conn: Conn) -> pb.SetUnitCostsResponse:
            await set_unit_costs(conn, author, costs)
            return pb.SetUnitCostsResponse(currency_code=self._currency_code)

        return await self._once("SetUnitCosts", request, pb.SetUnitCostsResponse, work)
