"""`lumbung import`: a file of master data into a running catalog, with its progress and what is wrong with it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import imports_pb2_grpc as rpc
from lumbung_dev.chaos.words import Language
from lumbung_dev.files.words import WORDS
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import RemoteFailure, failure_from, open_channel
from lumbung_kit.failures import Kind

CHUNK_BYTES = 256 * 1024
TRIES_MAX = 5
PAUSE_S = 0.2
PROBLEMS_SHOWN_MAX = 20


class Outcome(IntEnum):
    """What the command exits with. 2 is a wrong command line."""

    DONE = 0
    TROUBLE = 1
    ROWS_TO_MEND = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What is imported, where, and how."""

    path: Path
    address: str
    actor: str
    upsert: bool
    dry_run: bool
    reason: str
    problems: Path | None
    lang: Language


def format_of(path: Path) -> pb.FileFormat.ValueType:
    """The form of a file by the end of its name."""
    forms = {".csv": pb.FILE_FORMAT_CSV, ".xlsx": pb.FILE_FORMAT_XLSX}
    if path.suffix.lower() not in forms:
        raise Trouble(f"{path} is neither .csv nor .xlsx")
    return forms[path.suffix.lower()]


def problems_path(options: Options) -> Path:
    """Where the annotated file goes: beside the file, unless somebody says otherwise."""
    return options.problems or options.path.with_suffix(f".problems{options.path.suffix}")


async def import_file(options: Options, console: Console) -> Outcome:
    """Sends the file and tells what became of it. Raises Trouble when it could not be read, sent or understood."""
    start = await asyncio.to_thread(_start, options)
    for left in reversed(range(TRIES_MAX)):
        try:
            report, annotated = await _sent(start, options, console)
            return _tell(options, report, annotated, console)
        except grpc.aio.AioRpcError as error:
            failure = failure_from(error)
            if not (left and _says_nothing(failure)):
                raise Trouble(told(failure)) from error
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("the last try returns or raises")


async def _sent(
    start: pb.StreamImportStart, options: Options, console: Console
) -> tuple[pb.ImportReport, bytes]:
    """The report, and the annotated file if there is one."""
    words = WORDS[options.lang]
    annotated = bytearray()
    report = None
    with _progress(console) as progress:
        task = progress.add_task(words["reading"], total=None)
        async with open_channel(options.address, actor=options.actor) as channel:
            calls = rpc.ImportServiceStub(channel)
            async for answer in calls.StreamImport(_requests(start, options.path)):
                if answer.HasField("progress"):
                    _advance(progress, task, answer.progress, words)
                elif answer.HasField("report"):
                    report = answer.report
                annotated += answer.annotated_chunk
    if report is None:
        raise Trouble("the server ended the call without a report")
    return report, bytes(annotated)


def _says_nothing(failure: RemoteFailure) -> bool:
    """gRPC's own client says INTERNAL, without a reason, when a call is refused while it still sends: the same request
    is sent again to hear why, as docs/status-codes.md tells clients."""
    return failure.kind is Kind.INTERNAL and not failure.reason


def told(failure: RemoteFailure) -> str:
    """A refusal in a few lines."""
    return "\n".join([str(failure), *(f"  {field.field} {field.description}" for field in failure.fields)])


def _start(options: Options) -> pb.StreamImportStart:
    """The same file with the same options has the same request id: a second try is not a second import."""
    try:
        content = options.path.read_bytes()
    except OSError as error:
        raise Trouble(f"{options.path} cannot be read: {error.strerror}") from error
    start = pb.StreamImportStart(
        format=format_of(options.path),
        mode=pb.IMPORT_MODE_UPSERT if options.upsert else pb.IMPORT_MODE_CREATE,
        dry_run=options.dry_run,
        force_reason=options.reason,
        size_bytes=len(content),
        annotate=True,
    )
    digest = hashlib.sha256(content + start.SerializeToString(deterministic=True)).hexdigest()
    start.request_id = f"import-{digest[:40]}"
    return start


async def _requests(start: pb.StreamImportStart, path: Path) -> AsyncIterator[pb.StreamImportRequest]:
    yield pb.StreamImportRequest(start=start)
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield pb.StreamImportRequest(chunk=chunk)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _advance(progress: Progress, task: TaskID, now: pb.ImportProgress, words: dict[str, str]) -> None:
    if now.written_row_count:
        step, count = "writing", now.written_row_count
    elif now.checked_row_count:
        step, count = "checked", now.checked_row_count
    else:
        step, count = "reading", now.read_row_count
    progress.update(task, description=words[step], completed=count, total=now.row_count or None)


def _tell(options: Options, report: pb.ImportReport, annotated: bytes, console: Console) -> Outcome:
    words = WORDS[options.lang]
    console.print(
        words["counts"].format(
            rows=report.row_count,
            new=report.sku_count,
            changed=report.changed_sku_count,
            same=report.unchanged_row_count,
        )
    )
    problems = [*report.errors, *report.warnings]
    for problem in problems[:PROBLEMS_SHOWN_MAX]:
        console.print(_line(problem, options.lang), markup=False, highlight=False)
    if annotated:
        path = problems_path(options)
        path.write_bytes(annotated)
        console.print(words["problems"].format(count=report.error_count + report.warning_count, path=path))
    if report.applied:
        console.print(words["applied"])
        return Outcome.DONE
    if not problems and options.dry_run:
        console.print(words["dry_run"])
        return Outcome.DONE
    console.print(words["held" if not report.error_count else "refused"])
    return Outcome.ROWS_TO_MEND


def _line(problem: pb.RowProblem, lang: Language) -> str:
    if lang is Language.ID:
        return (
            f"  {problem.row}: {problem.column} {problem.message_indonesian}: {problem.expected_indonesian}"
        )
    return f"  {problem.row}: {problem.column} {problem.message}: {problem.expected}"
