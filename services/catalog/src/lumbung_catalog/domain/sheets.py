"""Tables written as files, a row at a time: CSV and XLSX."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from typing import IO

import xlsxwriter
from typing_extensions import override

from lumbung_catalog.domain.import_csv import guarded
from lumbung_catalog.domain.import_table import FileFormat

COLUMN_WIDTH = 18
_TEXT = "@"
_MARKED = "#FFC7CE"


class Sheet(ABC):
    """A file that is being written."""

    @abstractmethod
    def write(self, cells: Sequence[str], marked: Collection[int] = ()) -> None:
        """Adds a row; the marked places are made to be seen, where the form can."""

    @abstractmethod
    def close(self) -> None:
        """Ends the file."""

    def write_all(self, rows: Iterable[Sequence[str]]) -> None:
        """Adds rows."""
        for row in rows:
            self.write(row)


def new_sheet(
    file: IO[bytes],
    file_format: FileFormat,
    column_count: int,
    separator: str = ",",
    title: str = "catalog",
) -> Sheet:
    """An empty sheet in a file."""
    if file_format is FileFormat.XLSX:
        return _Workbook(file, column_count, title)
    return _Csv(file, separator)


class _Csv(Sheet):
    """UTF-8 with a byte order mark, without which spreadsheets read it as something else."""

    def __init__(self, file: IO[bytes], separator: str) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._text, delimiter=separator)

    @override
    def write(self, cells: Sequence[str], marked: Collection[int] = ()) -> None:
        del marked
        self._writer.writerow([guarded(cell) for cell in cells])

    @override
    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class _Workbook(Sheet):
    """Every cell is text, so that no spreadsheet makes numbers or dates of codes, and none is a formula."""

    def __init__(self, file: IO[bytes], column_count: int, title: str) -> None:
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_urls": False})
        self._sheet = self._book.add_worksheet(title)
        self._plain = self._book.add_format({"num_format": _TEXT})
        self._marked = self._book.add_format({"num_format": _TEXT, "bg_color": _MARKED})
        self._sheet.set_column(0, column_count - 1, COLUMN_WIDTH, self._plain)
        self._sheet.freeze_panes(1, 0)
        self._row = 0

    @override
    def write(self, cells: Sequence[str], marked: Collection[int] = ()) -> None:
        for place, cell in enumerate(cells):
            if cell or place in marked:
                look = self._marked if place in marked else self._plain
                self._sheet.write_string(self._row, place, cell, look)
        self._row += 1

    @override
    def close(self) -> None:
        self._book.close()
