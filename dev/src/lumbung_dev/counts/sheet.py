"""`lumbung count-sheet`: what is to be counted, without the book's figures, to be printed or filled in."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any
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
from lumbung_catalog.domain.label_text import FONT, font, lines, shown, width_mm
from lumbung_catalog.domain.sheets import new_sheet
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts.words import COLUMNS, PRINTED, WITHOUT_LOT, WORDS
from lumbung_dev.files.import_file import Outcome, told
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import failure_from, open_channel

PAGE_SIZE = 500
PRINTED_LINES_MAX = 5_000
_MARGIN = 12 * mm
_WIDTHS = (46 * mm, 56 * mm, 36 * mm, 28 * mm, 20 * mm)
_HEAD_SIZE, _ID_SIZE = 10, 8
_BAR_WIDTH, _BAR_HEIGHT = 0.22 * mm, 6 * mm

Words = Mapping[str, str]
Pages = AsyncIterator[Sequence[pb.CountTask]]
Writer = Callable[[pb.Stocktake, Pages, Words, IO[bytes]], Awaitable[int]]
"""Writes a count's lines into a file; how many they are."""


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
    """Writes what nobody has counted yet in the present round, in the order in which one walks; beside the final name
    first, so that a call that breaks leaves no half of a sheet. Raises Trouble."""
    write = _writer_of(options.path)
    unfinished = options.path.with_name(f"{options.path.name}.part")
    try:
        async with open_channel(options.address, actor=options.actor) as channel:
            calls = rpc.StocktakeServiceStub(channel)
            found = await calls.GetStocktake(pb.GetStocktakeRequest(stocktake_id=options.stocktake_id))
            pages = _pages(calls, options.stocktake_id)
            with await asyncio.to_thread(unfinished.open, "wb") as file:
                line_count = await write(found.stocktake, pages, WORDS[options.lang], file)
        await asyncio.to_thread(unfinished.replace, options.path)
    except grpc.aio.AioRpcError as error:
        raise Trouble(told(failure_from(error))) from error
    except OSError as error:
        raise Trouble(f"{options.path} cannot be written: {error.strerror}") from error
    finally:
        await asyncio.to_thread(unfinished.unlink, missing_ok=True)
    console.print(WORDS[options.lang]["written"].format(path=options.path, lines=line_count), markup=False)
    return Outcome.DONE


async def _pages(calls: Any, stocktake_id: str) -> AsyncIterator[Sequence[pb.CountTask]]:
    asked = pb.ListCountTasksRequest(stocktake_id=stocktake_id, page_size=PAGE_SIZE)
    while True:
        page = await calls.ListCountTasks(asked)
        yield page.tasks
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def _writer_of(path: Path) -> Writer:
    forms: dict[str, Writer] = {
        ".csv": partial(_write_table, FileFormat.CSV),
        ".xlsx": partial(_write_table, FileFormat.XLSX),
        ".pdf": _write_pdf,
    }
    if path.suffix.lower() not in forms:
        raise Trouble(f"{path} is neither .csv, .xlsx nor .pdf")
    return forms[path.suffix.lower()]


async def _write_table(
    file_format: FileFormat, count: pb.Stocktake, pages: Pages, words: Words, file: IO[bytes]
) -> int:
    """The lines as a table that `lumbung count-upload` reads back when somebody has filled it in, a page at a time; how
    many they are. Each says its round: a sheet that comes late counts nothing in another."""
    table = new_sheet(file, file_format, len(COLUMNS), title=words["sheet"])
    table.write([words[column] for column in COLUMNS])
    line_count = 0
    async for tasks in pages:
        rows = [
            [task.bin_code, task.sku_code, task.sku_name, lot, "", "", str(count.round), ""]
            for task in tasks
            for lot in lots_of(task)
        ]
        await asyncio.to_thread(table.write_all, rows)
        line_count += len(rows)
    await asyncio.to_thread(table.close)
    return line_count


def lots_of(task: pb.CountTask) -> list[str]:
    """Each of them has a line of its own; one line without a lot where there is nothing to say of lots."""
    bare = [WITHOUT_LOT] if task.lot_codes and task.has_units_without_lot else []
    return [*task.lot_codes, *bare] or [""]


async def _write_pdf(count: pb.Stocktake, pages: Pages, words: Words, file: IO[bytes]) -> int:
    """As `as_pdf`, without asking for more lines than are printed."""
    tasks: list[pb.CountTask] = []
    async for page in pages:
        tasks += page
        _require_printable(tasks)
    content = await asyncio.to_thread(as_pdf, Sheet(count, tasks), words)
    await asyncio.to_thread(file.write, content)
    return _line_count(tasks)


def _line_count(tasks: Sequence[pb.CountTask]) -> int:
    return sum(len(lots_of(task)) for task in tasks)


def _require_printable(tasks: Sequence[pb.CountTask]) -> None:
    if _line_count(tasks) > PRINTED_LINES_MAX:
        raise Trouble(f"more than {PRINTED_LINES_MAX} lines are too many to be printed: use .xlsx")


def as_pdf(sheet: Sheet, words: Words) -> bytes:
    """The lines on A4, bins and SKUs as Code 128 barcodes too, with a field to write each figure in. Raises Trouble."""
    _require_printable(sheet.tasks)
    font()
    file = io.BytesIO()
    title = f"{words['sheet']}, {words['round'].format(number=sheet.count.round)}: {sheet.count.title}"
    page = SimpleDocTemplate(
        file, pagesize=A4, invariant=1, title=title,
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=2 * _MARGIN, bottomMargin=_MARGIN,
    )  # fmt: skip
    style = ParagraphStyle("cell", fontName=FONT, fontSize=9, leading=11)
    rows: list[list[Any]] = [[words[column] for column in PRINTED]]
    rows += [_printed(task, lot, words, style) for task in sheet.tasks for lot in lots_of(task)]
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
        _draw_head(canvas, sheet, title, words)

    page.build([table], onFirstPage=head, onLaterPages=head)
    return file.getvalue()


def _draw_head(canvas: Any, sheet: Sheet, title: str, words: Words) -> None:
    """What the sheet is, for `lumbung count-upload` too, and who has counted."""
    top, right = A4[1] - 1.4 * _MARGIN, A4[0] - _MARGIN
    page = words["page"].format(number=canvas.getPageNumber())
    (line,) = lines(title, _HEAD_SIZE, right - 2 * _MARGIN - width_mm(page, _HEAD_SIZE), 1)
    canvas.setFont(FONT, _HEAD_SIZE)
    canvas.drawString(_MARGIN, top, shown(line))
    canvas.drawRightString(right, top, page)
    canvas.drawString(_MARGIN, top - 14, f"{words['counter']} " + "_" * 40)
    canvas.setFont(FONT, _ID_SIZE)
    canvas.drawRightString(right, top - 14, sheet.count.stocktake_id)


def _printed(task: pb.CountTask, lot: str, words: Words, style: ParagraphStyle) -> list[Any]:
    """A row. Names break where they must; nothing in them is markup."""
    name = task.sku_name if task.sku_code else words["nothing"]
    sku = _barcode(task.sku_code, style) if task.sku_code else ""
    said = Paragraph(escape(shown(lot)), style) if lot else ""
    return [_barcode(task.bin_code, style), sku, Paragraph(escape(shown(name)), style), said, ""]


def _barcode(code: str, style: ParagraphStyle) -> list[Any]:
    """A code as bars, when they have room in their column, and as text."""
    text = Paragraph(escape(shown(code)), style)
    quiet = 10 * _BAR_WIDTH  # what ISO/IEC 15417 asks for on either side
    bars = Code128(code, barWidth=_BAR_WIDTH, barHeight=_BAR_HEIGHT, lquiet=quiet, rquiet=quiet)
    return [bars, text] if bars.width <= min(_WIDTHS[:2]) - 4 * mm else [text]
