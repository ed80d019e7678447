"""QuarantineService: goods that are set apart until somebody has looked at them."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import quarantine_pb2 as pb
from lumbung.stock.v1 import quarantine_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain import places
from lumbung_stock.domain.waiting_goods import WaitingGoods
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.mutations import Mutations
from lumbung_stock.entrypoints.page_tokens import key_of, page_token
from lumbung_stock.entrypoints.receiving_messages import moment_in_token
from lumbung_stock.usecases.list_waiting import list_waiting
from lumbung_stock.usecases.move_to_quarantine import move_to_quarantine
from lumbung_stock.usecases.release_from_quarantine import release_from_quarantine
from lumbung_stock.usecases.require_not_counted import CountLock
from lumbung_stock.wire.inventory import entry_message
from lumbung_stock.wire.reservations import timestamp

PAGE, PAGE_MAX = 100, 500
BEFORE_ALL = "0001-01-01T00:00:00+00:00"


class QuarantineService(Mutations, rpc.QuarantineServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog, lock: CountLock) -> None:
        self._postgres = postgres
        self._log = log
        self._lock = lock

    async def MoveToQuarantine(
        self,
        request: pb.MoveToQuarantineRequest,
        context: grpc.aio.ServicerContext[pb.MoveToQuarantineRequest, pb.MoveToQuarantineResponse],
    ) -> pb.MoveToQuarantineResponse:
        """Sets units apart."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        goods = messages.goods_of(check, request)
        reason = messages.reason_of(check, request.reason, required=True)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.MoveToQuarantineResponse:
            await self._lock.require_goods(conn, author, goods, override)
            entry = await move_to_quarantine(conn, author, goods, reason=reason)
            return pb.MoveToQuarantineResponse(entry=entry_message(entry))

        return await self._once("MoveToQuarantine", request, pb.MoveToQuarantineResponse, work)

    async def ReleaseFromQuarantine(
        self,
        request: pb.ReleaseFromQuarantineRequest,
        context: grpc.aio.ServicerContext[pb.ReleaseFromQuarantineRequest, pb.ReleaseFromQuarantineResponse],
    ) -> pb.ReleaseFromQuarantineResponse:
        """Gives units back to sale."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        goods = messages.goods_of(check, request)
        reason = messages.reason_of(check, request.reason, required=True)
        override = messages.override_of(check, request.stocktake_override_reason)
        check.done()

        async def work(conn: Conn) -> pb.ReleaseFromQuarantineResponse:
            await self._lock.require_goods(conn, author, goods, override)
            entry = await release_from_quarantine(conn, author, goods, reason=reason)
            return pb.ReleaseFromQuarantineResponse(entry=entry_message(entry))

        return await self._once("ReleaseFromQuarantine", request, pb.ReleaseFromQuarantineResponse, work)

    async def ListQuarantine(
        self,
        request: pb.ListQuarantineRequest,
        context: grpc.aio.ServicerContext[pb.ListQuarantineRequest, pb.ListQuarantineResponse],
    ) -> pb.ListQuarantineResponse:
        """The longest waiting first."""
        check = Check()
        warehouse_code = messages.warehouse_code_of(check, request.warehouse_code)
        size = check.page_size(request.page_size, default=PAGE, maximum=PAGE_MAX)
        filters = ["quarantine", warehouse_code]
        time, sku_code = key_of(check, request.page_token, filters, first=(BEFORE_ALL, ""))
        after = moment_in_token(check, time), sku_code
        check.done()
        async with self._postgres.connection() as conn:
            found = await list_waiting(conn, warehouse_code, places.QUARANTINE, after=after, limit=size + 1)
        response = pb.ListQuarantineResponse(goods=map(_goods_message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = page_token(filters, [last.since.isoformat(), last.sku_code])
        return response


def _goods_message(goods: WaitingGoods) -> pb.QuarantinedGoods:
    return pb.QuarantinedGoods(
        sku_code=goods.sku_code,
        quantity=goods.quantity,
        since_time=timestamp(goods.since),
        age_s=goods.age_s,
        reason=goods.arrival_reason,
    )
