"""A shop's file, read as a table: header and rows, one at a time. Nothing about SKUs yet."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain, islice
from typing import IO

from lumbung_catalog.domain import import_csv, import_xlsx, limits
from lumbung_catalog.domain.failures import ImportTooLarge, ImportUnreadable
from lumbung_catalog.domain.import_columns import PROBLEM_COLUMNS, column_of, header_problems, is_column
from lumbung_catalog.domain.import_xlsx import Bounds, Cell, Flaw
from lumbung_kit.failures import FieldViolation

HEADER_WITHIN_ROWS = 10
"""A title, a date and a merged heading may stand above the header."""
_HEADER_PROBLEMS_MAX = 50


class FileFormat(IntEnum):
    """The form of a file. The numbers are those of the contract."""

    CSV = 1
    XLSX = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data. `number` is the line as a spreadsheet shows it: the header is usually 1."""

    number: int
    cells: Mapping[str, str]
    cell_count: int
    flaws: Mapping[str, Flaw] = field(default_factory=dict)


_BOUNDS = Bounds(limits.UNPACKED_SHEET_BYTES_MAX, limits.UNPACKED_OTHER_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a file is read."""

    rows_max: int = limits.IMPORT_ROWS_MAX
    unpacked: Bounds = _BOUNDS


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of data below a header that was understood."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class OpenTable:
    """The same with its rows still to be read. Reading them raises ImportUnreadable, ImportTooLarge."""

    columns: tuple[str, ...]
    rows: Iterator[Row]
    header_row: int


def read_table(
    content: bytes,
    known: Sequence[str],
    required: Sequence[str],
    file_format: FileFormat = FileFormat.CSV,
) -> Table:
    """The file as a table whose columns are all known, with every required one."""
    table = open_table(io.BytesIO(content), known, required, file_format)
    return Table(table.columns, tuple(table.rows))


def open_table(
    file: IO[bytes],
    known: Sequence[str],
    required: Sequence[str],
    file_format: FileFormat,
    size: Size = Size(),
) -> OpenTable:
    """The file as a table whose rows are read one at a time."""
    is_workbook = file_format is FileFormat.XLSX
    records = import_xlsx.records(file, size.unpacked) if is_workbook else import_csv.records(file)
    numbered = enumerate(records, 1)
    top = list(islice(numbered, HEADER_WITHIN_ROWS))
    place = _header_place([record for _, record in top])
    columns = _columns(top[place][1] if top else [], known, required)
    rows = _rows(chain(top[place + 1 :], numbered), columns, size.rows_max)
    if is_workbook:
        rows = (_squared(row, len(columns)) for row in rows)
    return OpenTable(columns, rows, place + 1)


def _header_place(top: Sequence[Sequence[str]]) -> int:
    """Where most columns are known by name; else where the first cells are."""
    known = [sum(is_column(column_of(cell)) for cell in record) for record in top]
    if known and max(known) >= 2:
        return known.index(max(known))
    return next((place for place, record in enumerate(top) if any(record)), 0)


def _rows(numbered: Iterator[tuple[int, list[str]]], columns: Sequence[str], rows_max: int) -> Iterator[Row]:
    count = 0
    for number, record in numbered:
        if not any(record):
            continue
        count += 1
        if count > rows_max:
            raise _too_large(rows_max)
        yield _row(number, columns, record)
    if not count:
        raise _unreadable("content", "has no row of data below the header")


def _row(number: int, columns: Sequence[str], record: Sequence[str]) -> Row:
    cells = {
        column: cell
        for column, cell in zip(columns, record, strict=False)
        if cell and column not in PROBLEM_COLUMNS
    }
    flaws = {column: cell.flaw for column, cell in cells.items() if isinstance(cell, Cell) and cell.flaw}
    return Row(number, cells, len(record), flaws)


def _squared(row: Row, column_count: int) -> Row:
    """A sheet's rows have as many cells as somebody filled: missing ones are empty."""
    return row if row.cell_count > column_count else Row(row.number, row.cells, column_count, row.flaws)


def _too_large(rows_max: int) -> ImportTooLarge:
    return ImportTooLarge(
        f"The file has more than {rows_max} rows, which is what one such import takes.",
        metadata={"limit": str(rows_max)},
        fields=[FieldViolation("content", f"must have at most {rows_max} rows")],
    )


def _columns(header: Sequence[str], known: Sequence[str], required: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(column_of(cell) for cell in header)
    problems = header_problems(columns, known, required)
    if problems:
        raise ImportUnreadable(
            f"The header {problems[0]}.",
            fields=[FieldViolation("content.header", problem) for problem in problems[:_HEADER_PROBLEMS_MAX]],
        )
    return columns


def _unreadable(field_name: str, description: str) -> ImportUnreadable:
    return ImportUnreadable(f"The file {description}.", fields=[FieldViolation(field_name, description)])
