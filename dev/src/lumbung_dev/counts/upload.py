"""`lumbung count-upload`: a count sheet that somebody has filled in, recorded whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from rich.console import Console

from lumbung.catalog.v1 import barcodes_pb2, barcodes_pb2_grpc, skus_pb2, skus_pb2_grpc
from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung.stock.v1 import stocktakes_pb2_grpc as rpc
from lumbung_catalog.domain.gs1 import SEPARATOR
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_catalog.domain.limits import SCAN_LENGTH_MAX
from lumbung_catalog.domain.sheets import new_sheet
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts.table import Row, Table, Wrong, read_table
from lumbung_dev.counts.words import WORDS
from lumbung_dev.files.import_file import Outcome, told
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import failure_from, open_channel
from lumbung_kit.validate import is_code

CODES_AT_ONCE = 100
ERRORS_SHOWN_MAX = 20
UNITS_MAX = 2**63 - 1


class Goods(NamedTuple):
    """What a code stands for: a SKU, the base units of one of it, and the lot that a GS1 message names besides."""

    sku: str
    base_units: int = 1
    lot: str | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What is sent, for which count, where to, and by whom. Without a catalog, every SKU is named by its code."""

    stocktake_id: str
    path: Path
    stock: str
    catalog: str
    actor: str
    dry_run: bool
    lang: Language
    round: int = 0
    """For which round it was counted, where its lines do not say so; 0: they do, or it is the first."""
    problems: Path | None = None
    """Where everything that is wrong is written; beside the file when None."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What lies of a SKU in a bin, or of a lot of it, in base units: of which line, the first of several."""

    row: Row
    sku: str
    units: int
    scan_time: datetime | None
    lot: str | None = None
    expires_on: date | None = None

    def with_more(self, other: Sum) -> Sum:
        """Both together, as they were when the later one was counted."""
        times = [each.scan_time for each in (self, other) if each.scan_time is not None]
        day = self.expires_on or other.expires_on
        return replace(
            self, units=self.units + other.units, scan_time=max(times, default=None), expires_on=day
        )


async def upload_counts(options: Options, console: Console) -> Outcome:
    """Records what was counted, or tells everything that is wrong with it. Sent again, nothing counts twice.

    Raises Trouble when the file could not be read or sent.
    """
    table = await asyncio.to_thread(read_table, options.path, options.lang)
    try:
        async with AsyncExitStack() as stack:
            goods = await _goods(options, table.rows, stack)
            stock = await stack.enter_async_context(open_channel(options.stock, actor=options.actor))
            calls = rpc.StocktakeServiceStub(stock)
            asked = pb.GetStocktakeRequest(stocktake_id=options.stocktake_id)
            count = (await calls.GetStocktake(asked)).stocktake
            sums, twice = summed(table.rows, goods, options.lang)
            wrong = [*table.wrong, *_other_rounds(options, table.rows, count.round), *twice]
            answer = await calls.RecordCounts(_request(options, count, sums, looking=bool(wrong)))
    except grpc.aio.AioRpcError as error:
        raise Trouble(told(failure_from(error))) from error
    wrong += [_wrong(sums, error) for error in answer.errors]
    if wrong:
        return await _refuse(options, sorted(set(wrong), key=lambda each: (each.line, each.column)), console)
    return _tell(options, table, answer, console)


def _request(
    options: Options, count: pb.Stocktake, sums: Sequence[Sum], *, looking: bool
) -> pb.RecordCountsRequest:
    """Where a line cannot be sent, the others are only looked at, so that all errors are told at once."""
    scope = f"{count.stocktake_id}/{count.round}/{options.actor}"
    request = pb.RecordCountsRequest(
        stocktake_id=count.stocktake_id,
        counts=[_count(each, scope) for each in sums],
        validate_only=options.dry_run or looking,
        round=count.round,
    )
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
    request.request_id = f"counts-{digest[:40]}"
    return request


def _count(each: Sum, scope: str) -> pb.Count:
    """The same figure of a bin and SKU, by the same person for the same round, has the same id in whatever file and on
    whatever line it comes."""
    said = f"{scope}/{each.row.bin_code}/{each.sku}/{each.units}/{each.scan_time}"
    if each.lot is not None:
        said += f"/{each.lot}/{each.expires_on}"
    count = pb.Count(
        bin_code=each.row.bin_code,
        sku_code=each.sku,
        counted_quantity=min(each.units, UNITS_MAX),
        scan_id=f"sheet-{hashlib.sha256(said.encode()).hexdigest()[:40]}",
        lot_code=each.lot or "",
        expires_on=each.expires_on.isoformat() if each.expires_on else "",
        without_lot=each.lot == "",
    )
    if each.scan_time is not None:
        count.scan_time.FromDatetime(each.scan_time)
    return count


def summed(rows: Sequence[Row], goods: Mapping[str, Goods], lang: Language) -> tuple[list[Sum], list[Wrong]]:
    """What lies in each bin of each SKU, and of each lot if lots are said: cartons and single pieces, each by its own
    barcode, are added up. The same code twice may be a second look or more goods: nobody can say."""
    found: dict[tuple[str, str, str | None], Sum] = {}
    lines: dict[tuple[str, str, str | None], int] = {}
    wrong: list[Wrong] = []
    for row in rows:
        is_ = goods.get(row.sku, Goods(row.sku))
        lot = is_.lot if row.lot is None else row.lot
        first = lines.setdefault((row.bin_code, row.sku, lot), row.line)
        if first != row.line:
            wrong.append(Wrong(row.line, "sku_code", row.sku, WORDS[lang]["twice"].format(line=first)))
            continue
        day = row.expires_on or (is_.expires_on if lot == is_.lot else None)
        one = Sum(row, is_.sku, row.quantity * is_.base_units, row.scan_time, lot, day)
        before = found.get((row.bin_code, is_.sku, lot))
        found[row.bin_code, is_.sku, lot] = before.with_more(one) if before else one
    return list(found.values()), wrong


def _other_rounds(options: Options, rows: Sequence[Row], present: int) -> list[Wrong]:
    """Lines that were not counted for the present round, or do not say so: a time would, as none is taken from before
    the round began."""
    words = WORDS[options.lang]
    wrong: list[Wrong] = []
    for row in rows:
        said = row.round or options.round
        if said not in (0, present):
            what = words["other_round"].format(round=present)
        elif not said and present > 1 and row.scan_time is None:
            what = words["which_round"].format(round=present)
        else:
            continue
        wrong.append(Wrong(row.line, "round_number", str(said or ""), what))
    return wrong


async def _goods(options: Options, rows: Sequence[Row], stack: AsyncExitStack) -> dict[str, Goods]:
    """What is no SKU's code may be a barcode of one. What is neither is left for stock to say so."""
    codes = sorted({row.sku for row in rows if row.sku})
    if not options.catalog or not codes:
        return {}
    channel = await stack.enter_async_context(open_channel(options.catalog, actor=options.actor))
    skus, barcodes = skus_pb2_grpc.SkuServiceStub(channel), barcodes_pb2_grpc.BarcodeServiceStub(channel)
    unknown = [code for code in codes if not is_code(code) and is_scan(code)]
    plain = [code for code in codes if is_code(code)]
    for start in range(0, len(plain), CODES_AT_ONCE):
        some = plain[start : start + CODES_AT_ONCE]
        known = await skus.BatchGetSkus(skus_pb2.BatchGetSkusRequest(sku_codes=some))
        unknown += known.missing_sku_codes
    found: dict[str, Goods] = {}
    for start in range(0, len(unknown), CODES_AT_ONCE):
        some = unknown[start : start + CODES_AT_ONCE]
        asked = barcodes_pb2.BatchResolveBarcodesRequest(codes=some)
        for each in (await barcodes.BatchResolveBarcodes(asked)).barcodes:
            day = date.fromisoformat(each.expiry_date) if each.expiry_date else None
            found[each.code] = Goods(each.sku_code, each.base_quantity, each.lot or None, day)
    return await _with_tracked_lots(skus, found)


async def _with_tracked_lots(skus: Any, found: Mapping[str, Goods]) -> dict[str, Goods]:
    """A label names a lot whether or not the shop keeps lots apart: it is counted of SKUs that are tracked by lot."""
    named = sorted({goods.sku for goods in found.values() if goods.lot})
    tracked: set[str] = set()
    for start in range(0, len(named), CODES_AT_ONCE):
        asked = skus_pb2.BatchGetSkusRequest(sku_codes=named[start : start + CODES_AT_ONCE])
        tracked |= {sku.sku_code for sku in (await skus.BatchGetSkus(asked)).skus if sku.lot_tracking > 1}
    return {
        code: goods if goods.sku in tracked else Goods(goods.sku, goods.base_units)
        for code, goods in found.items()
    }


def is_scan(code: str) -> bool:
    """Whether a catalog would look for it among the barcodes; whatever else there is, stock refuses."""
    return len(code) <= SCAN_LENGTH_MAX and code.replace(SEPARATOR, "").isprintable()


def _tell(options: Options, table: Table, answer: pb.RecordCountsResponse, console: Console) -> Outcome:
    words = WORDS[options.lang]
    if options.dry_run:
        console.print(words["checked"].format(rows=len(table.rows)))
        return Outcome.DONE
    said = words["recorded"].format(
        new=answer.recorded_count, repeated=answer.repeated_count, empty=table.empty_count
    )
    console.print(said)
    return Outcome.DONE


async def _refuse(options: Options, wrong: Sequence[Wrong], console: Console) -> Outcome:
    """The first errors on the screen, and all of them in a file beside the sheet. Raises Trouble."""
    words = WORDS[options.lang]
    for each in wrong[:ERRORS_SHOWN_MAX]:
        heading = words.get(each.column, each.column)
        said = words["line"].format(line=each.line, heading=heading, value=each.value, what=each.what)
        console.print(f"  {said}", markup=False, highlight=False)
    if len(wrong) > ERRORS_SHOWN_MAX:
        console.print(f"  {words['more'].format(count=len(wrong) - ERRORS_SHOWN_MAX)}", markup=False)
    path = options.problems or options.path.with_suffix(".problems.csv")
    try:
        await asyncio.to_thread(_write_problems, path, wrong, words)
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}") from error
    console.print(words["refused"].format(count=len(wrong)))
    console.print(words["problems"].format(path=path), markup=False, highlight=False, soft_wrap=True)
    return Outcome.ROWS_TO_MEND


def _write_problems(path: Path, wrong: Sequence[Wrong], words: Mapping[str, str]) -> None:
    headings = words["problem_columns"].split("|")
    with path.open("wb") as file:
        table = new_sheet(file, FileFormat.CSV, len(headings))
        table.write(headings)
        for each in wrong:
            table.write([str(each.line), words.get(each.column, each.column), each.value, each.what])
        table.close()


def _wrong(sums: Sequence[Sum], error: pb.CountRowError) -> Wrong:
    row = sums[error.row].row
    values = {
        "bin_code": row.bin_code,
        "sku_code": row.sku,
        "counted_quantity": str(sums[error.row].units),
        "scan_time": str(row.scan_time or ""),
        "lot_code": sums[error.row].lot or "",
        "expires_on": str(sums[error.row].expires_on or ""),
    }
    return Wrong(row.line, error.field, values.get(error.field, ""), error.description)
