"""A filled-in count sheet as rows: what is on each line, and what is wrong with it before anybody is asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from lumbung_catalog.domain import import_xlsx
from lumbung_catalog.domain.failures import ImportUnreadable
from lumbung_catalog.domain.import_csv import unguarded
from lumbung_catalog.domain.said import indonesian
from lumbung_dev.chaos.words import Language
from lumbung_dev.counts.words import COLUMNS, REQUIRED, WITHOUT_LOT, WORDS, column_of
from lumbung_dev.local.trouble import Trouble

BYTES_MAX = 4 * 1024 * 1024
ROWS_MAX = 5_000
"""As many as one upload of the contract may have."""
DIGITS_MAX = 12
ROUND_MAX = 32_767
HEADER_WITHIN_LINES = 10
_UNPACKED = import_xlsx.Bounds(32 * 1024 * 1024, 16 * 1024 * 1024)

T = TypeVar("T")
Record = tuple[int, list[str]]
"""A line's number, as a spreadsheet shows it, and its cells."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line on which something was counted. What cannot be read of it is as if it were not there, and in the table's
    `wrong`: so that everything else is looked at as well."""

    line: int
    bin_code: str
    sku: str
    quantity: int = 0
    scan_time: datetime | None = None
    round: int = 0
    lot: str | None = None
    """Empty: units without a lot; None: nothing is said of lots."""
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a cell, and what would be right."""

    line: int
    column: str
    value: str
    what: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a file says: every line that was counted, also those that are wrong."""

    rows: Sequence[Row]
    wrong: Sequence[Wrong]
    empty_count: int


def read_table(path: Path, lang: Language) -> Table:
    """The file, .csv or .xlsx; what is wrong is said in that language. Raises Trouble for what is no such table."""
    records = _records(path)
    columns = _columns(records)
    rows: list[Row] = []
    wrong: list[Wrong] = []
    empty_count = 0
    for line, cells in records:
        if not any(cells):
            continue
        row = dict(zip(columns, cells, strict=False))
        if not row.get("counted_quantity"):
            empty_count += 1
            continue
        rows.append(_row(line, row, wrong, lang))
        if len(rows) > ROWS_MAX:
            raise Trouble(f"{path} has more than {ROWS_MAX} counted lines: send it in parts, bin by bin")
    if not rows:
        raise Trouble(f"{path} has no line on which something was counted")
    return Table(rows, wrong, empty_count)


def _row(line: int, row: dict[str, str], wrong: list[Wrong], lang: Language) -> Row:
    """What the line says; adds what is wrong with it."""
    for column in ("bin_code", "sku_code", "lot_code"):
        if flaw := getattr(row.get(column, ""), "flaw", None):
            what = f"{flaw.message}; {flaw.expected}" if lang is Language.EN else _indonesian(flaw)
            wrong.append(Wrong(line, column, row[column], what))

    def read(column: str, parse: Callable[[str], T], what: str, otherwise: T) -> T:
        value = row.get(column, "")
        try:
            return parse(value) if value else otherwise
        except (ValueError, OverflowError):
            wrong.append(Wrong(line, column, value, WORDS[lang][what]))
            return otherwise

    return Row(
        line,
        row.get("bin_code", ""),
        row.get("sku_code", ""),
        read("counted_quantity", _whole, "not_whole", 0),
        read("scan_time", _moment, "not_time", None),
        read("round_number", _round, "not_round", 0),
        _lot(row.get("lot_code", "")),
        read("expires_on", date.fromisoformat, "not_day", None),
    )


def _lot(text: str) -> str | None:
    return "" if text in (WITHOUT_LOT, "-") else text or None


def _indonesian(flaw: import_xlsx.Flaw) -> str:
    return f"{indonesian(flaw.message)}; {indonesian(flaw.expected)}"


def _whole(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX):
        raise ValueError
    return int(digits)


def _moment(text: str) -> datetime | None:
    """A time without a zone is of where the command runs."""
    return datetime.fromisoformat(text).astimezone()


def _round(digits: str) -> int:
    number = _whole(digits)
    if not 1 <= number <= ROUND_MAX:
        raise ValueError
    return number


def _columns(records: Iterator[Record]) -> list[str]:
    """The header's columns; above it there may be a title. Leaves the records behind it."""
    for _, cells in zip(range(HEADER_WITHIN_LINES), records, strict=False):
        columns = [column_of(cell) for cell in cells[1]]
        known = [column for column in columns if column in COLUMNS]
        if len(known) < 2:
            continue
        if missing := [column for column in REQUIRED if column not in known]:
            raise Trouble(f"the header lacks {', '.join(missing)}")
        if len(set(known)) < len(known):
            raise Trouble("the header has a column twice")
        return columns
    raise Trouble(
        f"no header was found: it needs {', '.join(REQUIRED)}, as in a sheet of `lumbung count-sheet`"
    )


def _records(path: Path) -> Iterator[Record]:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise Trouble(f"{path} is larger than {BYTES_MAX // 1024 // 1024} MiB: send it in parts")
        content = path.read_bytes()
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}") from error
    if path.suffix.lower() == ".csv":
        return enumerate(_csv(path, content), 1)
    if path.suffix.lower() == ".xlsx":
        return _xlsx(path, content)
    raise Trouble(f"{path} is neither .csv nor .xlsx")


def _xlsx(path: Path, content: bytes) -> Iterator[Record]:
    try:
        yield from enumerate(import_xlsx.records(io.BytesIO(content), _UNPACKED), 1)
    except ImportUnreadable as error:
        raise Trouble(f"{path}: {error}") from error


def _csv(path: Path, content: bytes) -> Iterable[list[str]]:
    """UTF-8 with a byte order mark or without, separated by what separates most columns of the header."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Trouble(f"{path} is not UTF-8 on line {line}; save it as CSV UTF-8") from error
    separator = max(",;\t", key=lambda each: _known(text.splitlines()[:HEADER_WITHIN_LINES], each))
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            yield [unguarded(cell.strip()) for cell in cells]
    except csv.Error as error:
        raise Trouble(f"{path} is not a table: {error}") from error


def _known(lines: Sequence[str], separator: str) -> int:
    return max(
        (sum(column_of(cell.strip(' "')) in COLUMNS for cell in line.split(separator)) for line in lines),
        default=0,
    )
