"""`lumbung export-history`, `export-stock` and `export-expiring`: what stock knows into files, page after page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung.stock.v1 import lots_pb2, lots_pb2_grpc, reason_codes_pb2, reason_codes_pb2_grpc
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_catalog.domain.sheets import Sheet, new_sheet
from lumbung_dev.chaos.words import Language
from lumbung_dev.files.import_file import Outcome, told
from lumbung_dev.history.words import WORDS, kind_name
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import failure_from, open_channel

PAGE_SIZE = 500
WORKBOOK_ROWS_MAX = 1_000_000
"""A sheet has 1,048,576 rows. CSV has no such bound: it is written as it is read."""
HISTORY = (
    "sequence",
    "record_time",
    "effective_time",
    "kind",
    "sku_code",
    "lot_code",
    "quantity",
    "from_place",
    "to_place",
    "reason",
    "reason_name",
    "document",
    "actor",
    "request_id",
)
EXPIRING = ("last_sale_day", "days_left", "expires_on", "sku_code", "lot_code", "bin_code", "quantity")
EXPIRING_PAGE_SIZE = 200
STOCK = ("as_of_time", "bin_code", "sku_code", "lot_code", "expires_on", "quantity")

Cells = Sequence[str]
Pages = AsyncIterator[list[Cells]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where from, where to, and for whom."""

    path: Path
    address: str
    actor: str
    lang: Language


async def export_history(wanted: pb.ListLedgerEntriesRequest, target: Target, console: Console) -> Outcome:
    """What ListLedgerEntries gives, a row each; without `until_time`, what was written by now. Raises Trouble."""
    request = pb.ListLedgerEntriesRequest()
    request.CopyFrom(wanted)
    request.page_size = PAGE_SIZE
    if not request.HasField("until_time"):
        request.until_time.GetCurrentTime()

    async def pages(channel: grpc.aio.Channel) -> Pages:
        reasons = await _reason_names(channel, target.lang)
        calls = rpc.InventoryServiceStub(channel)
        while True:
            page = await calls.ListLedgerEntries(request)
            yield [_entry_row(entry, reasons, target.lang) for entry in page.entries]
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    return await _export(HISTORY, "history", pages, target, console)


async def export_stock(wanted: pb.GetStockAsOfRequest, target: Target, console: Console) -> Outcome:
    """What GetStockAsOf gives, each place, SKU and lot as a row. Raises Trouble."""
    request = pb.GetStockAsOfRequest()
    request.CopyFrom(wanted)
    request.page_size = PAGE_SIZE
    instant = _time(request.as_of_time)

    async def pages(channel: grpc.aio.Channel) -> Pages:
        calls = rpc.InventoryServiceStub(channel)
        while True:
            page = await calls.GetStockAsOf(request)
            yield [row for stock in page.bin_stock for row in stock_rows(instant, stock)]
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    return await _export(STOCK, "stock", pages, target, console)


async def export_expiring(
    wanted: lots_pb2.ListExpiringLotsRequest, target: Target, console: Console
) -> Outcome:
    """What ListExpiringLots gives, each lot and place as a row. Raises Trouble."""
    request = lots_pb2.ListExpiringLotsRequest()
    request.CopyFrom(wanted)
    request.page_size = EXPIRING_PAGE_SIZE

    async def pages(channel: grpc.aio.Channel) -> Pages:
        calls = lots_pb2_grpc.LotServiceStub(channel)
        while True:
            page = await calls.ListExpiringLots(request)
            yield [row for lot in page.lots for row in expiring_rows(lot)]
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    return await _export(EXPIRING, "expiring", pages, target, console)


def timestamp_of(option: str, text: str) -> Timestamp | None:
    """An instant that somebody wrote; without an offset it is by this machine's clock. Raises Trouble."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise Trouble(f"{option}: {text!r} is no time, such as 2026-11-23T14:05 or 2026-11-23") from error
    found = Timestamp()
    found.FromDatetime(instant)
    return found


def kinds_of(names: Sequence[str]) -> list[pb.MovementKind.ValueType]:
    """Kinds of movement by their names, such as `pick` or `short-pick`. Raises Trouble."""
    known = {
        kind_name(kind, Language.EN).replace(" ", "-"): kind for kind in pb.MovementKind.values() if kind
    }
    wrong = [name for name in names if name.lower() not in known]
    if wrong:
        raise Trouble(f"--kind: {wrong[0]!r} is no kind of movement; there are {', '.join(known)}")
    return [pb.MovementKind.ValueType(known[name.lower()]) for name in names]


async def _export(
    columns: Sequence[str],
    title: str,
    pages: Callable[[grpc.aio.Channel], Pages],
    target: Target,
    console: Console,
) -> Outcome:
    """Writes beside the final name first: a call that breaks leaves no half of a file."""
    unfinished = target.path.with_name(f"{target.path.name}.part")
    file_format = _format_of(target.path)
    words = WORDS[target.lang]
    try:
        async with AsyncExitStack() as stack:
            file = stack.enter_context(await asyncio.to_thread(unfinished.open, "w+b"))
            sheet = new_sheet(file, file_format, len(columns), title=words[title])
            sheet.write([words[column] for column in columns])
            channel = await stack.enter_async_context(open_channel(target.address, actor=target.actor))
            row_count = await _written(sheet, pages(channel), file_format, console, words)
            await asyncio.to_thread(sheet.close)
        await asyncio.to_thread(unfinished.replace, target.path)
    except grpc.aio.AioRpcError as error:
        raise Trouble(told(failure_from(error))) from error
    except OSError as error:
        raise Trouble(f"{target.path} cannot be written: {error.strerror}") from error
    finally:
        await asyncio.to_thread(unfinished.unlink, missing_ok=True)
    console.print(words["written"].format(path=target.path, rows=row_count), markup=False)
    return Outcome.DONE


async def _written(
    sheet: Sheet, pages: Pages, file_format: FileFormat, console: Console, words: Mapping[str, str]
) -> int:
    row_count = 0
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(words["reading"], total=None)
        async for rows in pages:
            row_count += len(rows)
            if file_format is FileFormat.XLSX and row_count > WORKBOOK_ROWS_MAX:
                raise Trouble(f"more than {WORKBOOK_ROWS_MAX} rows: write a .csv, or ask for a shorter time")
            await asyncio.to_thread(sheet.write_all, rows)
            progress.update(task, completed=row_count)
    return row_count


def _format_of(path: Path) -> FileFormat:
    forms = {".csv": FileFormat.CSV, ".xlsx": FileFormat.XLSX}
    if path.suffix.lower() not in forms:
        raise Trouble(f"{path} is neither .csv nor .xlsx")
    return forms[path.suffix.lower()]


async def _reason_names(channel: grpc.aio.Channel, lang: Language) -> dict[str, str]:
    """What reason codes are called, also those that are retired."""
    calls: Any = reason_codes_pb2_grpc.ReasonCodeServiceStub(channel)
    known = await calls.ListReasonCodes(reason_codes_pb2.ListReasonCodesRequest(include_retired=True))
    return {
        each.reason_code: each.name_id if lang is Language.ID else each.name_en for each in known.reason_codes
    }


def _entry_row(entry: pb.LedgerEntry, reasons: Mapping[str, str], lang: Language) -> Cells:
    """The ledger writes a reason as a code, words, or `CODE: words`."""
    return (
        str(entry.sequence),
        _time(entry.record_time),
        _time(entry.effective_time),
        kind_name(entry.kind, lang),
        entry.sku_code,
        entry.lot_code,
        str(entry.quantity),
        entry.from_place,
        entry.to_place,
        entry.reason,
        reasons.get(entry.reason.partition(":")[0], ""),
        entry.document,
        entry.actor,
        entry.request_id,
    )


def stock_rows(instant: str, stock: pb.BinStock) -> Iterator[Cells]:
    """A row for each lot, and one for the units that have none."""
    for lot in stock.lots:
        yield (instant, stock.bin_code, stock.sku_code, lot.lot_code, lot.expires_on, str(lot.quantity))
    without = stock.quantity - sum(lot.quantity for lot in stock.lots)
    if without:
        yield (instant, stock.bin_code, stock.sku_code, "", "", str(without))


def expiring_rows(lot: lots_pb2.ExpiringLot) -> Iterator[Cells]:
    """A row for each place, and one for all that are not listed."""
    until = (lot.last_sale_day, str(lot.days_left), lot.expires_on, lot.sku_code, lot.lot_code)
    for place in lot.places:
        yield (*until, place.bin_code, str(place.quantity))
    rest = lot.quantity - sum(place.quantity for place in lot.places)
    if rest:
        yield (*until, "...", str(rest))


def _time(instant: Timestamp) -> str:
    """ISO 8601 to the microsecond, in UTC: the same whoever exports it, and wherever."""
    return f"{instant.ToDatetime().isoformat(timespec='microseconds')}+00:00"
