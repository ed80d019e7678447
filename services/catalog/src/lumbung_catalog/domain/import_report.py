"""The file that somebody sent, with what is wrong beside each row."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import IO

from lumbung_catalog.domain import import_csv, import_xlsx
from lumbung_catalog.domain.import_columns import PROBLEM_COLUMNS, column_of
from lumbung_catalog.domain.import_rows import Problem
from lumbung_catalog.domain.import_table import FileFormat, Size
from lumbung_catalog.domain.said import indonesian
from lumbung_catalog.domain.sheets import new_sheet
from lumbung_catalog.domain.text import shortened

PROBLEMS_PER_ROW_MAX = 10
SAID_LENGTH_MAX = 1_000


def annotate(
    source: IO[bytes],
    target: IO[bytes],
    file_format: FileFormat,
    size: Size,
    header_row: int,
    problems: Iterable[Problem],
) -> None:
    """Writes the whole file again, row by row, with two columns more."""
    by_row: defaultdict[int, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_row[problem.row].append(problem)
    is_workbook = file_format is FileFormat.XLSX
    records = import_xlsx.records(source, size.unpacked) if is_workbook else import_csv.records(source)
    separator = "," if is_workbook else import_csv.separator_of(source)
    columns: list[str] = []
    sheet = new_sheet(target, file_format, import_xlsx.COLUMNS_MAX, separator)
    for number, record in enumerate(records, 1):
        if number == header_row:
            columns = [column_of(cell) for cell in record]
            kept = [place for place, column in enumerate(columns) if column not in PROBLEM_COLUMNS]
            sheet.write([*(record[place] for place in kept), *PROBLEM_COLUMNS])
        elif number < header_row:
            sheet.write(record)
        else:
            own = by_row.get(number, [])[:PROBLEMS_PER_ROW_MAX]
            wrong = {problem.column for problem in own}
            cells = [*record, *[""] * (len(columns) - len(record))]
            marked = [place for place, old in enumerate(kept) if columns[old] in wrong]
            sheet.write([*_kept(cells, kept, len(columns)), *_said(own)], marked)
    sheet.close()


def _kept(cells: Sequence[str], kept: Sequence[int], column_count: int) -> list[str]:
    """Without the columns of an earlier report. Cells beyond the header are a problem of their own, and are shown."""
    beyond = cells[column_count:]
    own = [cells[place] for place in kept]
    return [*own[:-1], " ".join([own[-1], *beyond])] if beyond and own else own


def _said(problems: Sequence[Problem]) -> list[str]:
    english = "\n".join(_line(p.column, p.message, p.expected) for p in problems)
    translated = "\n".join(_line(p.column, indonesian(p.message), indonesian(p.expected)) for p in problems)
    return [shortened(english, SAID_LENGTH_MAX), shortened(translated, SAID_LENGTH_MAX)]


def _line(column: str, message: str, expected: str) -> str:
    return f"{column or '*'} {message}: {expected}"
