"""`lumbung count-sheet`: what is to be counted, without the book's figures, to be printed or filled in."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import grpc
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, TableStyle
from rich.console import Console

from lumbung.stock.v1 import stocktakes_pb2 as pb
from lumbung.stock.v1 import stocktakes_pb2_grpc as rpc
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_catalog.domain.label_text import FONT, font, shown
from lumbung_catalog.domain.sheets import new_sheet
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts.words import COLUMNS, WORDS
from lumbung_dev.files.import_file import Outcome, told
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import failure_from, open_channel

PAGE_SIZE = 500
PRINTED_LINES_MAX = 5_000
_MARGIN = 12 * mm
_WIDTHS = (50 * mm, 62 * mm, 50 * mm, 24 * mm)
_BAR_WIDTH, _BAR_HEIGHT = 0.22 * mm, 6 * mm

Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """Of which count, from where, and where to."""

    stocktake_id: str
    path: Path
    address: str
    actor: str
    lang: Language


@dataclass(frozen=True, slots=True)
class Sheet:
    """A count with the lines of its present round."""

    count: pb.Stocktake
    tasks: Sequence[pb.CountTask]


async def write_sheet(options: Options, console: Console) -> Outcome:
    """Writes what nobody has counted yet in the present round, in the order in which one walks. Raises Trouble."""
    write = _writer_of(options.path)
    try:
        async with open_channel(options.address, actor=options.actor) as channel:
            calls = rpc.StocktakeServiceStub(channel)
            found = await calls.GetStocktake(pb.GetStocktakeRequest(stocktake_id=options.stocktake_id))
            tasks = [task async for task in _tasks(calls, options.stocktake_id)]
    except grpc.aio.AioRpcError as error:
        raise Trouble(told(failure_from(error))) from error
    content = await asyncio.to_thread(write, Sheet(found.stocktake, tasks), WORDS[options.lang])
    try:
        await asyncio.to_thread(options.path.write_bytes, content)
    except OSError as error:
        raise Trouble(f"{options.path} cannot be written: {error.strerror}") from error
    console.print(WORDS[options.lang]["written"].format(path=options.path, lines=len(tasks)), markup=False)
    return Outcome.DONE


async def _tasks(calls: Any, stocktake_id: str) -> AsyncIterator[pb.CountTask]:
    asked = pb.ListCountTasksRequest(stocktake_id=stocktake_id, page_size=PAGE_SIZE)
    while True:
        page = await calls.ListCountTasks(asked)
        for task in page.tasks:
            yield task
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def _writer_of(path: Path) -> Callable[[Sheet, Words], bytes]:
    forms: dict[str, Callable[[Sheet, Words], bytes]] = {
        ".csv": lambda sheet, words: as_table(sheet, words, FileFormat.CSV),
        ".xlsx": lambda sheet, words: as_table(sheet, words, FileFormat.XLSX),
        ".pdf": as_pdf,
    }
    if path.suffix.lower() not in forms:
        raise Trouble(f"{path} is neither .csv, .xlsx nor .pdf")
    return forms[path.suffix.lower()]


def as_table(sheet: Sheet, words: Words, file_format: FileFormat) -> bytes:
    """The lines as a table that `lumbung count-upload` reads back when somebody has filled it in."""
    file = io.BytesIO()
    table = new_sheet(file, file_format, len(COLUMNS), title=words["sheet"])
    table.write([words[column] for column in COLUMNS])
    for task in sheet.tasks:
        table.write([task.bin_code, task.sku_code, task.sku_name, "", ""])
    table.close()
    return file.getvalue()


def as_pdf(sheet: Sheet, words: Words) -> bytes:
    """The lines on A4, bins and SKUs as Code 128 barcodes too, with a field to write each figure in. Raises Trouble."""
    if len(sheet.tasks) > PRINTED_LINES_MAX:
        raise Trouble(
            f"{len(sheet.tasks)} lines are too many to be printed; at most {PRINTED_LINES_MAX}: use .xlsx"
        )
    font()
    file = io.BytesIO()
    title = f"{words['sheet']}: {sheet.count.title}, {words['round'].format(number=sheet.count.round)}"
    page = SimpleDocTemplate(
        file, pagesize=A4, invariant=1, title=title,
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=2 * _MARGIN, bottomMargin=_MARGIN,
    )  # fmt: skip
    style = ParagraphStyle("cell", fontName=FONT, fontSize=9, leading=11)
    rows: list[list[Any]] = [[words[column] for column in COLUMNS[:-1]]]
    rows += [_printed(task, words, style) for task in sheet.tasks]
    table = LongTable(rows, colWidths=_WIDTHS, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), FONT, 9),
                ("GRID", (0, 0), (-1, -1), 0.4, "#808080"),
                ("BACKGROUND", (0, 0), (-1, 0), "#E0E0E0"),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
    )

    def head(canvas: Any, _page: Any) -> None:
        canvas.setFont(FONT, 10)
        top = A4[1] - 1.4 * _MARGIN
        canvas.drawString(_MARGIN, top, shown(title))
        canvas.drawRightString(A4[0] - _MARGIN, top, words["page"].format(number=canvas.getPageNumber()))
        canvas.drawString(_MARGIN, top - 14, f"{words['counter']} " + "_" * 40)

    page.build([table], onFirstPage=head, onLaterPages=head)
    return file.getvalue()


def _printed(task: pb.CountTask, words: Words, style: ParagraphStyle) -> list[Any]:
    """A row. Names break where they must; nothing in them is markup."""
    name = task.sku_name if task.sku_code else words["nothing"]
    sku = _barcode(task.sku_code, style) if task.sku_code else ""
    return [_barcode(task.bin_code, style), sku, Paragraph(escape(shown(name)), style), ""]


def _barcode(code: str, style: ParagraphStyle) -> list[Any]:
    """A code as bars, when they have room in their column, and as text."""
    text = Paragraph(escape(shown(code)), style)
    quiet = 10 * _BAR_WIDTH  # what ISO/IEC 15417 asks for on either side
    bars = Code128(code, barWidth=_BAR_WIDTH, barHeight=_BAR_HEIGHT, lquiet=quiet, rquiet=quiet)
    return [bars, text] if bars.width <= min(_WIDTHS[:2]) - 4 * mm else [text]
