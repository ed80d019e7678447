"""AuditService: shows that the figures are true."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung_kit.postgres import Postgres
from lumbung_kit.validate import Check
from lumbung_stock.entrypoints.inventory_messages import optional_warehouse_code_of, seals_of
from lumbung_stock.usecases.check_promises import check_promises
from lumbung_stock.usecases.verify_chain import verify_chain
from lumbung_stock.usecases.verify_ledger import verify_ledger
from lumbung_stock.wire.inventory import chain_break_message, difference_message, seal_message
from lumbung_stock.wire.reservations import timestamp


class AuditService(rpc.AuditServiceServicer):
    """Translates, and leaves the counting to the use cases."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

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
