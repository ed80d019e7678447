"""The first sheet of a workbook as records, one at a time.

A workbook is a hostile thing: a small file can unpack to gigabytes, and its XML can name entities. What it says to
be unpacked is bounded before anything is (the reader never unpacks more than that), and `defusedxml`, which openpyxl
uses when it is there, refuses entities.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO, Any

import openpyxl

from lumbung_catalog.domain.failures import ImportUnreadable
from lumbung_catalog.domain.said import Said
from lumbung_kit.failures import Failure, FieldViolation

PARTS_MAX = 500
ROWS_MAX = 1_048_576
COLUMNS_MAX = 200
EXACT_NUMBER_MAX = 10**15
"""A spreadsheet keeps 15 digits of a number."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ONLY_ZEROS = re.compile(r"0{2,32}")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes a workbook may be when it is unpacked. Sheets are read piece by piece, the rest is kept."""

    sheet_bytes_max: int
    other_bytes_max: int


@dataclass(frozen=True, slots=True)
class Flaw:
    """What a spreadsheet made of a cell so that it cannot be read."""

    reason: str
    message: Said
    expected: Said


DATE = Flaw(
    "SPREADSHEET_DATE",
    Said("was turned into a date by the spreadsheet", "diubah menjadi tanggal oleh lembar kerja"),
    Said("the text itself; format the column as text", "teksnya sendiri; format kolom sebagai teks"),
)
ROUNDED = Flaw(
    "SPREADSHEET_NUMBER",
    Said("was turned into a rounded number by a spreadsheet", "dibulatkan menjadi angka oleh lembar kerja"),
    Said("all digits; format the column as text", "semua digit; format kolom sebagai teks"),
)
FORMULA_ERROR = Flaw(
    "SPREADSHEET_ERROR",
    Said("is the error of a formula", "adalah galat rumus"),
    Said("a value", "sebuah nilai"),
)


class Cell(str):
    """A cell's text, and its flaw if it has one."""

    __slots__ = ("flaw",)
    flaw: Flaw | None


def records(file: IO[bytes], bounds: Bounds) -> Iterator[list[str]]:
    """Each row as its cells, from the first row on. Raises ImportUnreadable for what is no workbook, or too large."""
    try:
        _require_bounded(file, bounds)
        for count, row in enumerate(_rows(file), 1):
            _require_possible(count)
            yield _without_empty_end([_cell(cell) for cell in row])
    except Failure:
        raise
    except Exception as error:  # the reader raises whatever a broken part happens to cause
        raise _unreadable(
            "cannot be read as an XLSX workbook; save it again as XLSX or as CSV UTF-8"
        ) from error


def _require_possible(count: int) -> None:
    """The reader makes up the rows between two that are far apart."""
    if count > ROWS_MAX:
        raise _unreadable("has more rows than a spreadsheet can have")


def _without_empty_end(cells: list[str]) -> list[str]:
    """A row is as long as somebody filled it; formatted cells behind that say nothing."""
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _require_bounded(file: IO[bytes], bounds: Bounds) -> None:
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > PARTS_MAX:
            raise _unreadable(f"has {len(parts)} parts; a workbook of master data has at most {PARTS_MAX}")
        sheets = sum(part.file_size for part in parts if _SHEET.fullmatch(part.filename))
        others = sum(part.file_size for part in parts) - sheets
    for what, size, size_max in (
        ("sheets", sheets, bounds.sheet_bytes_max),
        ("texts and styles", others, bounds.other_bytes_max),
    ):
        if size > size_max:
            raise _unreadable(f"has {what} of {size} bytes when unpacked; at most {size_max} are read")


def _rows(file: IO[bytes]) -> Iterator[tuple[Any, ...]]:
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of features that do not concern the cells' values
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        sheet: Any = next((one for one in workbook.worksheets if one.sheet_state == "visible"), None)
        if sheet is None:
            raise _unreadable("has no visible sheet")
        sheet.reset_dimensions()  # what a sheet says about its size may be wrong
        yield from sheet.iter_rows(max_col=COLUMNS_MAX)
    finally:
        workbook.close()


def _cell(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _flawed(value, FORMULA_ERROR) if cell.data_type == "e" else _unescaped(value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime | time | timedelta):
        return _flawed(str(value), DATE)
    return _number(value, str(cell.number_format))


def _unescaped(text: str) -> str:
    """`_x000D_` is how a workbook writes what XML cannot hold, and `_x005F_` an underscore before such a form."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _number(value: float, number_format: str) -> str:
    """Digits, without the exponent and the `.0` that a sheet may show; with zeros in front where it shows them."""
    if abs(value) >= EXACT_NUMBER_MAX:
        return _flawed(str(value), ROUNDED)
    if value != int(value):
        return repr(value)
    digits = str(int(value))
    return digits.zfill(len(number_format)) if _ONLY_ZEROS.fullmatch(number_format) else digits


def _flawed(text: str, flaw: Flaw) -> Cell:
    cell = Cell(text)
    cell.flaw = flaw
    return cell


def _unreadable(description: str) -> ImportUnreadable:
    return ImportUnreadable(f"The file {description}.", fields=[FieldViolation("content", description)])
