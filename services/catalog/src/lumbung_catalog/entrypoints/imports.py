"""ImportService over gRPC."""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import imports_pb2_grpc as rpc
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.import_report import annotate
from lumbung_catalog.domain.import_rows import ImportMode, Problem
from lumbung_catalog.domain.import_table import FileFormat, Size
from lumbung_catalog.domain.import_xlsx import Bounds
from lumbung_catalog.domain.said import indonesian
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.usecases.apply_import import apply_plan
from lumbung_catalog.usecases.check_import import (
    CheckedFile,
    Progress,
    Reading,
    Tell,
    check_file,
    tell_nobody,
)
from lumbung_catalog.usecases.export_catalog import Export, export_catalog
from lumbung_kit.failures import Overloaded
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]

IMPORTS_AT_ONCE = 1
EXPORTS_AT_ONCE = 2
RETRY_AFTER_S = 10.0
_IN_MEMORY_MAX = limits.MEBIBYTE
_STREAMED = Size(
    limits.STREAM_IMPORT_ROWS_MAX,
    Bounds(limits.STREAM_UNPACKED_SHEET_BYTES_MAX, limits.STREAM_UNPACKED_OTHER_BYTES_MAX),
)


class _NotAppliedError(Exception):
    """Leaves the transaction of an import that may not be applied, so that nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be done with a file. `request` stands for it and its content when it comes again."""

    request: pb.ImportCatalogRequest
    reading: Reading
    reason: str


class ImportServicer(rpc.ImportServiceServicer):
    """Master data from files, and into files."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._imports = asyncio.Semaphore(IMPORTS_AT_ONCE)
        self._exports = asyncio.Semaphore(EXPORTS_AT_ONCE)

    @override
    async def ImportCatalog(
        self, request: pb.ImportCatalogRequest, context: Context
    ) -> pb.ImportCatalogResponse:
        wanted = _Wanted(request, *_check(request))
        with io.BytesIO(request.content) as file:
            report, checked = await self._import(file, wanted, tell_nobody)
            answer = pb.ImportCatalogResponse(report=report)
            if request.annotate and not report.applied and _has_problems(checked):
                with io.BytesIO() as target:
                    await asyncio.to_thread(_annotate, file, target, wanted.reading, checked)
                    if target.tell() <= limits.ANNOTATED_BYTES_MAX:
                        answer.annotated_content = target.getvalue()
        return answer

    @override
    async def StreamImport(
        self, request_iterator: AsyncIterator[pb.StreamImportRequest], context: Context
    ) -> AsyncIterator[pb.StreamImportResponse]:
        first = await anext(aiter(request_iterator), None)
        start, reading, reason = _check_start(first)
        if self._imports.locked():
            raise Overloaded("Another large import is running.", retry_after_s=RETRY_AFTER_S)
        async with self._imports:
            yield pb.StreamImportResponse(progress=pb.ImportProgress())
            with tempfile.SpooledTemporaryFile(_IN_MEMORY_MAX) as file:
                digest = await _receive(request_iterator, file, start.size_bytes)
                wanted = _Wanted(_stand_in(start, digest), reading, reason)
                async for answer in self._streamed(file, wanted, annotate_it=start.annotate):
                    yield answer

    @override
    async def ExportCatalog(
        self, request: pb.ExportCatalogRequest, context: Context
    ) -> AsyncIterator[pb.ExportCatalogResponse]:
        check = Check()
        check.choice("format", request.format, pb.FileFormat)
        check.done()
        if self._exports.locked():
            raise Overloaded("Other exports are running.", retry_after_s=RETRY_AFTER_S)
        wanted = Export(FileFormat(request.format), request.include_retired, request.indonesian_headings)
        async with self._exports:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY_MAX) as file:
                await export_catalog(self._desk.postgres, wanted, file)
                async for chunk in _chunks(file):
                    yield pb.ExportCatalogResponse(chunk=chunk)

    async def _import(
        self, file: IO[bytes], wanted: _Wanted, tell: Tell
    ) -> tuple[pb.ImportReport, CheckedFile]:
        checked = await check_file(self._desk.postgres, file, wanted.reading, tell)
        not_applied = _report(checked, applied=False)
        if wanted.request.dry_run:
            return not_applied, checked

        async def work(conn: Conn, act: Act) -> pb.ImportCatalogResponse:
            """Not reached when the request_id was applied before: then the first report is the answer."""
            if not checked.may_apply(forced=bool(wanted.reason)):
                raise _NotAppliedError
            await apply_plan(conn, checked.plan, act, checked.row_count, tell)
            return pb.ImportCatalogResponse(report=_report(checked, applied=True))

        try:
            response = await self._desk.mutate(
                "import_catalog", wanted.request, pb.ImportCatalogResponse, work, reason=wanted.reason
            )
        except _NotAppliedError:
            return not_applied, checked
        return response.report, checked

    async def _streamed(
        self, file: IO[bytes], wanted: _Wanted, *, annotate_it: bool
    ) -> AsyncIterator[pb.StreamImportResponse]:
        """Progress while the import runs beside, then the report. A call that ends takes the import with it."""
        news: asyncio.Queue[Progress | None] = asyncio.Queue()

        async def run() -> tuple[pb.ImportReport, CheckedFile]:
            try:
                return await self._import(file, wanted, news.put)
            finally:
                news.put_nowait(None)

        running = asyncio.create_task(run())
        try:
            while progress := await news.get():
                yield pb.StreamImportResponse(progress=_progress_message(progress))
            report, checked = await running
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        yield pb.StreamImportResponse(report=report)
        if annotate_it and not report.applied and _has_problems(checked):
            with tempfile.SpooledTemporaryFile(_IN_MEMORY_MAX) as target:
                await asyncio.to_thread(_annotate, file, target, wanted.reading, checked)
                async for chunk in _chunks(target):
                    yield pb.StreamImportResponse(annotated_chunk=chunk)


def _check(request: pb.ImportCatalogRequest) -> tuple[Reading, str]:
    """Notes what is wrong with the request around the file. Returns how to read it, and the reason."""
    check = Check()
    reason = _check_common(check, request)
    if not request.content:
        check.add("content", "must be set")
    elif len(request.content) > limits.IMPORT_BYTES_MAX:
        size = len(request.content)
        check.add("content", f"must be at most {limits.IMPORT_BYTES_MAX} bytes, not {size}; use StreamImport")
    check.done()
    return Reading(FileFormat(request.format), ImportMode(request.mode)), reason


def _check_start(first: pb.StreamImportRequest | None) -> tuple[pb.StreamImportStart, Reading, str]:
    check = Check()
    if first is None or first.WhichOneof("part") != "start":
        check.add("start", "must be the first message")
        check.done()
    start = first.start if first else pb.StreamImportStart()
    reason = _check_common(check, start)
    check.whole("size_bytes", start.size_bytes, minimum=1, maximum=limits.STREAM_IMPORT_BYTES_MAX)
    check.done()
    return start, Reading(FileFormat(start.format), ImportMode(start.mode), _STREAMED), reason


def _check_common(check: Check, request: pb.ImportCatalogRequest | pb.StreamImportStart) -> str:
    check.request_id(request.request_id)
    check.choice("format", request.format, pb.FileFormat)
    check.choice("mode", request.mode, pb.ImportMode)
    return requests.reason(check, "force_reason", request.force_reason, required=False)


def _stand_in(start: pb.StreamImportStart, digest: bytes) -> pb.ImportCatalogRequest:
    """A large file is remembered by its digest."""
    return pb.ImportCatalogRequest(
        request_id=start.request_id,
        format=start.format,
        mode=start.mode,
        dry_run=start.dry_run,
        force_reason=start.force_reason,
        content=digest,
    )


async def _receive(parts: AsyncIterator[pb.StreamImportRequest], file: IO[bytes], size_bytes: int) -> bytes:
    """Writes the chunks into a file; only all of them are one. Returns their digest."""
    check = Check()
    digest = hashlib.sha256()
    received = 0
    async for part in parts:
        received += len(part.chunk)
        if part.WhichOneof("part") != "chunk":
            check.add("start", "must be the first message and only the first")
        elif len(part.chunk) > limits.STREAM_CHUNK_BYTES_MAX:
            check.add(
                "chunk", f"must be at most {limits.STREAM_CHUNK_BYTES_MAX} bytes, not {len(part.chunk)}"
            )
        elif received > size_bytes:
            check.add("chunk", f"goes beyond the {size_bytes} bytes of start.size_bytes")
        check.done()
        digest.update(part.chunk)
        await asyncio.to_thread(file.write, part.chunk)
    if received != size_bytes:
        check.add("chunk", f"ends after {received} of the {size_bytes} bytes of start.size_bytes")
    check.done()
    return digest.digest()


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while chunk := await asyncio.to_thread(file.read, limits.FILE_CHUNK_BYTES_MAX):
        yield chunk


def _has_problems(checked: CheckedFile) -> bool:
    return bool(checked.plan.errors or checked.plan.warnings)


def _annotate(file: IO[bytes], target: IO[bytes], reading: Reading, checked: CheckedFile) -> None:
    problems = (*checked.plan.errors, *checked.plan.warnings)
    annotate(file, target, reading.file_format, reading.size, checked.header_row, problems)


def _report(checked: CheckedFile, *, applied: bool) -> pb.ImportReport:
    plan = checked.plan
    barcode_count = sum(len(sku.barcodes) for sku in plan.skus) + sum(
        len(one.barcodes) for one in plan.changes
    )
    return pb.ImportReport(
        applied=applied,
        row_count=checked.row_count,
        product_count=len(plan.products),
        sku_count=len(plan.skus),
        barcode_count=barcode_count,
        errors=map(_problem_message, plan.errors[: limits.IMPORT_ERRORS_REPORTED_MAX]),
        error_count=len(plan.errors),
        warnings=map(_problem_message, plan.warnings[: limits.IMPORT_WARNINGS_REPORTED_MAX]),
        warning_count=len(plan.warnings),
        changed_sku_count=len(plan.changes),
        changed_product_count=len(plan.product_changes),
        unchanged_row_count=checked.unchanged_count,
    )


def _progress_message(progress: Progress) -> pb.ImportProgress:
    return pb.ImportProgress(
        read_row_count=progress.read,
        row_count=progress.total,
        checked_row_count=progress.checked,
        written_row_count=progress.written,
    )


def _problem_message(problem: Problem) -> pb.RowProblem:
    return pb.RowProblem(
        row=problem.row,
        column=problem.column,
        value=problem.value,
        reason=problem.reason,
        message=problem.message,
        expected=problem.expected,
        message_indonesian=indonesian(problem.message),
        expected_indonesian=indonesian(problem.expected),
    )
