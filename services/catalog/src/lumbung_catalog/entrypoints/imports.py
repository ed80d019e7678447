"""ImportService over gRPC."""

from typing import Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import imports_pb2_grpc as rpc
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.import_rows import Problem
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.usecases.import_catalog import CheckedFile, apply_plan, check_file
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]


class _NotAppliedError(Exception):
    """Leaves the transaction of an import that may not be applied, so that nothing of it is kept."""


class ImportServicer(rpc.ImportServiceServicer):
    """Master data from files."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @override
    async def ImportCatalog(
        self, request: pb.ImportCatalogRequest, context: Context
    ) -> pb.ImportCatalogResponse:
        reason = _check(request)
        checked = await check_file(self._desk.postgres, request.content)
        if request.dry_run:
            return pb.ImportCatalogResponse(report=_report(checked, applied=False))

        async def work(conn: Conn, act: Act) -> pb.ImportCatalogResponse:
            """Not reached when the request_id was applied before: then the first report is the answer."""
            if not checked.may_apply(forced=bool(reason)):
                raise _NotAppliedError
            await apply_plan(conn, checked.plan, act)
            return pb.ImportCatalogResponse(report=_report(checked, applied=True))

        try:
            return await self._desk.mutate(
                "import_catalog", request, pb.ImportCatalogResponse, work, reason=reason
            )
        except _NotAppliedError:
            return pb.ImportCatalogResponse(report=_report(checked, applied=False))


def _check(request: pb.ImportCatalogRequest) -> str:
    """Notes what is wrong with the request around the file. Returns the reason."""
    check = Check()
    check.request_id(request.request_id)
    check.choice("format", request.format, pb.FileFormat)
    check.choice("mode", request.mode, pb.ImportMode)
    if request.format == pb.FILE_FORMAT_XLSX:
        check.add("format", "XLSX is not read yet; save the sheet as CSV UTF-8")
    if request.mode == pb.IMPORT_MODE_UPSERT:
        check.add("mode", "UPSERT is not served yet; import new SKUs with CREATE")
    if not request.content:
        check.add("content", "must be set")
    elif len(request.content) > limits.IMPORT_BYTES_MAX:
        size = len(request.content)
        check.add("content", f"must be at most {limits.IMPORT_BYTES_MAX} bytes, not {size}; split the file")
    reason = requests.reason(check, "force_reason", request.force_reason, required=False)
    check.done()
    return reason


def _report(checked: CheckedFile, *, applied: bool) -> pb.ImportReport:
    plan = checked.plan
    return pb.ImportReport(
        applied=applied,
        row_count=checked.row_count,
        product_count=len(plan.products),
        sku_count=len(plan.skus),
        barcode_count=sum(len(sku.barcodes) for sku in plan.skus),
        errors=map(_problem_message, plan.errors[: limits.IMPORT_ERRORS_REPORTED_MAX]),
        error_count=len(plan.errors),
        warnings=map(_problem_message, plan.warnings[: limits.IMPORT_WARNINGS_REPORTED_MAX]),
        warning_count=len(plan.warnings),
    )


def _problem_message(problem: Problem) -> pb.RowProblem:
    return pb.RowProblem(
        row=problem.row,
        column=problem.column,
        value=problem.value,
        reason=problem.reason,
        message=problem.message,
        expected=problem.expected,
    )
