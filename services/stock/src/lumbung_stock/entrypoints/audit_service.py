"""AuditService: shows that the figures are true, and makes them so."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung_kit.events import EventLog
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.inventory_failures import LedgerTampered
from lumbung_stock.entrypoints.inventory_messages import (
    author_of,
    optional_warehouse_code_of,
    reason_of,
    seals_of,
    warehouse_code_of,
)
from lumbung_stock.usecases.check_promises import check_promises
from lumbung_stock.usecases.find_wrong_figures import find_wrong_figures
from lumbung_stock.usecases.rebuild_figures import rebuild_figures
from lumbung_stock.usecases.verify_chain import verify_chain
from lumbung_stock.usecases.verify_ledger import verify_ledger
from lumbung_stock.wire.inventory import chain_break_message, difference_message, seal_message
from lumbung_stock.wire.reservations import timestamp


class AuditService(rpc.AuditServiceServicer):
    """Translates, and leaves the counting to the use cases."""

    def __init__(self, postgres: Postgres, log: EventLog) -> None:
        self._postgres = postgres
        self._log = log

    async def VerifyLedger(
        self,
        request: pb.VerifyLedgerRequest,
        context: grpc.aio.ServicerContext[pb.VerifyLedgerRequest, pb.VerifyLedgerResponse],
    ) -> pb.VerifyLedgerResponse:
        """Recomputes every level and bin from the ledger, and follows its chain."""
        check = Check()
        code = optional_warehouse_code_of(check, request.warehouse_code)
        seals = seals_of(check, request.seals)
        check.done()
        report = await verify_ledger(self._postgres, code)
        chain = await verify_chain(self._postgres, code, seals)
        return pb.VerifyLedgerResponse(
            entry_count=report.entry_count,
            figure_count=report.figure_count,
            differences=map(difference_message, report.differences),
            chain_breaks=map(chain_break_message, chain.breaks),
            heads=map(seal_message, chain.heads),
        )

    async def CheckPromises(
        self,
        request: pb.CheckPromisesRequest,
        context: grpc.aio.ServicerContext[pb.CheckPromisesRequest, pb.CheckPromisesResponse],
    ) -> pb.CheckPromisesResponse:
        """Counts what must be 0."""
        report = await check_promises(self._postgres)
        return pb.CheckPromisesResponse(
            oversold_units=report.oversold_units,
            conservation_gap_units=report.conservation_gap_units,
            leaked_holds=report.leaked_holds,
            shortfall_units=report.shortfall_units,
            read_time=timestamp(report.read_time),
        )

    async def RebuildFigures(
        self,
        request: pb.RebuildFiguresRequest,
        context: grpc.aio.ServicerContext[pb.RebuildFiguresRequest, pb.RebuildFiguresResponse],
    ) -> pb.RebuildFiguresResponse:
        """Finds what differs while everybody works on, then locks and sets just those SKUs."""
        check = Check()
        author = author_of(check, request.request_id)
        code = warehouse_code_of(check, request.warehouse_code)
        reason = reason_of(check, request.reason, required=True)
        check.done()

        found = await self._wrong_figures(code, although_tampered=request.although_tampered)

        async def work(conn: Conn) -> pb.RebuildFiguresResponse:
            if isinstance(found, LedgerTampered):
                raise found
            if request.dry_run:
                return pb.RebuildFiguresResponse(rebuilt=map(difference_message, found))
            done = await rebuild_figures(conn, author, code, {each.sku_code for each in found}, reason=reason)
            return pb.RebuildFiguresResponse(
                rebuilt=map(difference_message, done.figures), left=map(difference_message, done.left)
            )

        response = await once(self._postgres, "RebuildFigures", request, pb.RebuildFiguresResponse, work)
        self._log.poke()
        return response

    async def _wrong_figures(
        self, warehouse_code: str, *, although_tampered: bool
    ) -> Sequence[LedgerDifference] | LedgerTampered:
        """Looked for outside of the transaction that sets them. A request that was answered before has its answer,
        whatever became of the ledger since.
        """
        try:
            return await find_wrong_figures(
                self._postgres, warehouse_code, although_tampered=although_tampered
            )
        except LedgerTampered as tampered:
            return tampered
