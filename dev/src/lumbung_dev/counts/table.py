"""A filled-in count sheet as rows: what is on each line, and what is wrong with it before anybody is asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lumbung_catalog.domain import import_xlsx
from lumbung_catalog.domain.failures import ImportUnreadable
from lumbung_catalog.domain.import_csv import unguarded
from lumbung_dev.counts.words import COLUMNS, REQUIRED, column_of
from lumbung_dev.local.trouble import Trouble

BYTES_MAX = 4 * 1024 * 1024
ROWS_MAX = 5_000
"""As many as one upload of the contract may have."""
HEADER_WITHIN_LINES = 10
_UNPACKED = import_xlsx.Bounds(32 * 1024 * 1024, 16 * 1024 * 1024)

Record = tuple[int, list[str]]
"""A line's number, as a spreadsheet shows it, and its cells."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line on which something was counted."""

    line: int
    bin_code: str
    sku: str
    quantity: int
    scan_time: datetime | None


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a cell, and what would be right."""

    line: int
    column: str
    what: str


@dataclass(frozen=True, slots=True)
class Table:
    """What a file says."""

    rows: Sequence[Row]
    wrong: Sequence[Wrong]
    empty_count: int


def read_table(path: Path) -> Table:
    """The file, .csv or .xlsx. Raises Trouble for what is no such table."""
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
        found = _row(line, row)
        if isinstance(found, Row):
            rows.append(found)
        else:
            wrong.append(found)
    if not rows and not wrong:
        raise Trouble(f"{path} has no line on which something was counted")
    if len(rows) + len(wrong) > ROWS_MAX:
        raise Trouble(f"{path} has more than {ROWS_MAX} counted lines: send it in parts, bin by bin")
    return Table(rows, wrong, empty_count)


def _row(line: int, row: dict[str, str]) -> Row | Wrong:
    digits = row["counted_quantity"]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        return Wrong(line, "counted_quantity", f"{digits!r} is no whole number of units, such as 12")
    time = row.get("scan_time", "")
    try:
        scan_time = datetime.fromisoformat(time).astimezone() if time else None
    except (ValueError, OverflowError):
        return Wrong(line, "scan_time", f"{time!r} is no time, such as 2026-11-23 14:05")
    return Row(line, row.get("bin_code", ""), row.get("sku_code", ""), int(digits), scan_time)


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
