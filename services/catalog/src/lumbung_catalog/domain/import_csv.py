"""A CSV file as records, one at a time: nothing but the current record is kept."""

import csv
import re
from collections.abc import Iterator
from typing import IO

from lumbung_catalog.domain.failures import ImportUnreadable
from lumbung_catalog.domain.import_columns import column_of, is_column
from lumbung_kit.failures import FieldViolation

SEPARATORS = (",", ";", "\t")
HEADER_WITHIN_LINES = 10
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_LENGTH_MAX = 65_536
_WORKBOOKS = {
    b"PK\x03\x04": "is a workbook; send it as XLSX",
    b"\xd0\xcf\x11\xe0": "is a workbook of an old form (.xls); save it as XLSX or CSV UTF-8",
    b"\xff\xfe": "is not UTF-8 on line 1; save it as CSV UTF-8",
    b"\xfe\xff": "is not UTF-8 on line 1; save it as CSV UTF-8",
}
# A spreadsheet runs what begins with one of these as a formula, and does not when a quote stands before it.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """The text as a spreadsheet shows it without running it; `unguarded` takes the guard away again."""
    return "'" + text if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that was guarded."""
    return text[1:] if _GUARDED.match(text) else text


def records(file: IO[bytes]) -> Iterator[list[str]]:
    """Each record as its cells, from the first line on. Raises ImportUnreadable wherever it stops being CSV."""
    _require_text(file)
    separator = separator_of(file)
    reader = csv.reader(_lines(file), delimiter=separator, strict=True)
    try:
        for record in reader:
            cells = [unguarded(cell.strip()) for cell in record]
            if any("\x00" in cell for cell in cells):
                raise _unreadable(f"holds zero bytes near line {reader.line_num}; it is not a CSV file")
            yield cells
    except csv.Error as error:
        raise _unreadable(f"is not a table near line {reader.line_num}: {error}") from error


def _lines(file: IO[bytes]) -> Iterator[str]:
    """The file's lines with their ends, of whatever kind; a line end of UTF-8 is one byte of its own."""
    file.seek(0)
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _unreadable(f"is not UTF-8 on line {number}; save it as CSV UTF-8") from error
        yield from _LINE.findall(text)


def separator_of(file: IO[bytes]) -> str:
    """The separator with which some line near the top has most columns that are known."""
    file.seek(0)
    lines = [file.readline(_LINE_LENGTH_MAX) for _ in range(HEADER_WITHIN_LINES)]
    texts = [line.decode("utf-8-sig", errors="replace") for line in lines]

    def known_columns(separator: str) -> int:
        return max(
            sum(is_column(column_of(cell.strip().strip('"'))) for cell in text.split(separator))
            for text in texts
        )

    return max(SEPARATORS, key=known_columns)


def _require_text(file: IO[bytes]) -> None:
    file.seek(0)
    begin = file.read(4)
    for signature, problem in _WORKBOOKS.items():
        if begin.startswith(signature):
            raise _unreadable(problem)


def _unreadable(description: str) -> ImportUnreadable:
    return ImportUnreadable(f"The file {description}.", fields=[FieldViolation("content", description)])
