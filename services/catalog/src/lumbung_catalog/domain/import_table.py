"""A shop's file, read as a table: encoding, separator, header, rows. Nothing about SKUs yet."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from lumbung_catalog.domain.failures import ImportTooLarge, ImportUnreadable
from lumbung_catalog.domain.limits import IMPORT_ROWS_MAX
from lumbung_catalog.domain.text import shortened
from lumbung_kit.failures import FieldViolation

SEPARATORS = (",", ";")
_HEADER_SHOWN_LENGTH_MAX = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data. `number` is the line as a spreadsheet shows it: the header is 1."""

    number: int
    cells: Mapping[str, str]
    cell_count: int


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of data below a header that was understood."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(content: bytes, known: Sequence[str], required: Sequence[str]) -> Table:
    """The file as a table whose columns are all known, with every required one."""
    text = _decoded(content)
    records = _records(text, _separator(text, known))
    columns = _columns(records[0] if records else [], known, required)
    rows = tuple(
        Row(number, dict(zip(columns, (cell.strip() for cell in record), strict=False)), len(record))
        for number, record in enumerate(records[1:], start=2)
        if any(cell.strip() for cell in record)
    )
    if not rows:
        raise _unreadable("content", "has no row of data below the header")
    if len(rows) > IMPORT_ROWS_MAX:
        raise ImportTooLarge(
            f"The file has {len(rows)} rows; one import takes {IMPORT_ROWS_MAX}.",
            metadata={"limit": str(IMPORT_ROWS_MAX), "row_count": str(len(rows))},
            fields=[FieldViolation("content", f"must have at most {IMPORT_ROWS_MAX} rows, not {len(rows)}")],
        )
    return Table(columns, rows)


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable("content", f"is not UTF-8 on line {line}; save it as CSV UTF-8") from error
    if "\x00" in text:
        raise _unreadable("content", "holds zero bytes; it is not a CSV file")
    return text


def _separator(text: str, known: Sequence[str]) -> str:
    """The separator with which the header has most columns that are known."""
    header = text.split("\n", 1)[0]

    def known_columns(separator: str) -> int:
        return sum(_header_name(cell.strip('"')) in known for cell in header.split(separator))

    return max(SEPARATORS, key=known_columns)


def _records(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise _unreadable("content", f"is not a table near line {reader.line_num}: {error}") from error


def _columns(header: Sequence[str], known: Sequence[str], required: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(_header_name(cell) for cell in header)
    problems = [
        _unknown_column(place, name, known) for place, name in enumerate(columns, 1) if name not in known
    ]
    problems += [f"has the column {name} twice" for name in known if columns.count(name) > 1]
    problems += [f"has no column {name}" for name in required if name not in columns]
    if problems:
        raise ImportUnreadable(
            f"The header {problems[0]}.",
            fields=[FieldViolation("content.header", problem) for problem in problems[:50]],
        )
    return columns


def _header_name(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_")


def _unknown_column(place: int, name: str, known: Sequence[str]) -> str:
    if not name:
        return f"has no name for column {place}"
    nearest = process.extractOne(name, known, scorer=fuzz.ratio, score_cutoff=70)
    hint = f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(known)}"
    return f"has the unknown column {shortened(name, _HEADER_SHOWN_LENGTH_MAX)!r}{hint}"


def _unreadable(field: str, description: str) -> ImportUnreadable:
    return ImportUnreadable(f"The file {description}.", fields=[FieldViolation(field, description)])
