"""`lumbung count-upload`: a count sheet that somebody has filled in, recorded whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from rich.console import Console

from lumbung.catalog.v1 import barcodes_pb2, barcodes_pb2_grpc, skus_pb2, skus_pb2_grpc
from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung.stock.v1 import stocktakes_pb2_grpc as rpc
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts.table import Row, Table, Wrong, read_table
from lumbung_dev.counts.words import WORDS
from lumbung_dev.files.import_file import Outcome, told
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import failure_from, open_channel

CODES_AT_ONCE = 100
ERRORS_SHOWN_MAX = 200

Goods = tuple[str, int]
"""A SKU, and the base units that one of what was counted stands for."""


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


async def upload_counts(options: Options, console: Console) -> Outcome:
    """Records what was counted, or tells everything that is wrong with it. Sent again, nothing counts twice.

    Raises Trouble when the file could not be read or sent.
    """
    table = await asyncio.to_thread(read_table, options.path)
    try:
        async with AsyncExitStack() as stack:
            goods = await _goods(options, table.rows, stack)
            stock = await stack.enter_async_context(open_channel(options.stock, actor=options.actor))
            answer = await _recorded(rpc.StocktakeServiceStub(stock), options, table, goods)
    except grpc.aio.AioRpcError as error:
        raise Trouble(told(failure_from(error))) from error
    return _tell(options, table, answer, console)


async def _recorded(
    calls: Any, options: Options, table: Table, goods: Mapping[str, Goods]
) -> pb.RecordCountsResponse:
    """Where a line cannot be sent, the others are only looked at, so that all errors are told at once."""
    asked = pb.GetStocktakeRequest(stocktake_id=options.stocktake_id)
    count = (await calls.GetStocktake(asked)).stocktake
    request = pb.RecordCountsRequest(
        stocktake_id=count.stocktake_id,
        counts=[
            _count(row, goods, f"{count.stocktake_id}/{count.round}/{options.actor}") for row in table.rows
        ],
        validate_only=options.dry_run or bool(table.wrong),
    )
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
    request.request_id = f"counts-{digest[:40]}"
    answer: pb.RecordCountsResponse = (
        await calls.RecordCounts(request) if table.rows else pb.RecordCountsResponse()
    )
    return answer


def _count(row: Row, goods: Mapping[str, Goods], scope: str) -> pb.Count:
    """The same line of the same round by the same person has the same id, in whatever file it comes."""
    sku, units = goods.get(row.sku, (row.sku, 1))
    said = f"{scope}/{row.line}/{row.bin_code}/{row.sku}/{row.quantity}/{row.scan_time}"
    count = pb.Count(
        bin_code=row.bin_code,
        sku_code=sku,
        counted_quantity=row.quantity * units,
        scan_id=f"sheet-{hashlib.sha256(said.encode()).hexdigest()[:40]}",
    )
    if row.scan_time is not None:
        count.scan_time.FromDatetime(row.scan_time)
    return count


async def _goods(options: Options, rows: Sequence[Row], stack: AsyncExitStack) -> dict[str, Goods]:
    """What is no SKU's code may be a barcode of one. What is neither is left for stock to say so."""
    codes = sorted({row.sku for row in rows if row.sku})
    if not options.catalog or not codes:
        return {}
    channel = await stack.enter_async_context(open_channel(options.catalog, actor=options.actor))
    skus, barcodes = skus_pb2_grpc.SkuServiceStub(channel), barcodes_pb2_grpc.BarcodeServiceStub(channel)
    unknown: list[str] = []
    for start in range(0, len(codes), CODES_AT_ONCE):
        some = codes[start : start + CODES_AT_ONCE]
        known = await skus.BatchGetSkus(skus_pb2.BatchGetSkusRequest(sku_codes=some))
        unknown += known.missing_sku_codes
    found: dict[str, Goods] = {}
    for start in range(0, len(unknown), CODES_AT_ONCE):
        some = unknown[start : start + CODES_AT_ONCE]
        asked = barcodes_pb2.BatchResolveBarcodesRequest(codes=some)
        for each in (await barcodes.BatchResolveBarcodes(asked)).barcodes:
            found[each.code] = (each.sku_code, each.base_quantity)
    return found


def _tell(options: Options, table: Table, answer: pb.RecordCountsResponse, console: Console) -> Outcome:
    words = WORDS[options.lang]
    wrong = [*table.wrong, *(_wrong(table.rows, error) for error in answer.errors)]
    wrong.sort(key=lambda each: (each.line, each.column))
    for each in wrong[:ERRORS_SHOWN_MAX]:
        heading = words.get(each.column, each.column)
        said = words["line"].format(line=each.line, heading=heading, what=each.what)
        console.print(f"  {said}", markup=False, highlight=False)
    if wrong:
        console.print(words["refused"].format(count=len(wrong)))
        return Outcome.ROWS_TO_MEND
    if options.dry_run:
        console.print(words["checked"].format(rows=len(table.rows)))
        return Outcome.DONE
    said = words["recorded"].format(
        new=answer.recorded_count, repeated=answer.repeated_count, empty=table.empty_count
    )
    console.print(said)
    return Outcome.DONE


def _wrong(rows: Sequence[Row], error: pb.CountRowError) -> Wrong:
    return Wrong(rows[error.row].line, error.field, error.description)
