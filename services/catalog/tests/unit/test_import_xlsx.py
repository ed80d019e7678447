"""A workbook is read as the table that a person sees, and what a spreadsheet spoiled is named."""

import io
import warnings
import zipfile
from contextlib import suppress
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain.failures import ImportUnreadable
from lumbung_catalog.domain.import_columns import COLUMNS, REQUIRED_COLUMNS
from lumbung_catalog.domain.import_rows import read_row
from lumbung_catalog.domain.import_table import FileFormat, Size, Table, open_table, read_table
from lumbung_catalog.domain.import_xlsx import Bounds


def workbook(*rows: list[Any], formats: dict[str, str] | None = None, merged: str = "") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for place, number_format in (formats or {}).items():
        sheet[place].number_format = number_format
    if merged:
        sheet.merge_cells(merged)
    with io.BytesIO() as out:
        book.save(out)
        return out.getvalue()


def read(content: bytes) -> Table:
    return read_table(content, COLUMNS, REQUIRED_COLUMNS, FileFormat.XLSX)


HEADER = ["SKU Code", "Nama SKU", "barcode", "Berat (g)", "laris"]


def test_numbers_dates_and_merged_titles_are_read_as_they_are_meant() -> None:
    table = read(
        workbook(
            ["Daftar barang toko", None, None, None, None],
            HEADER,
            ["A-1", " Satu ", 8991234567891, 180.0, True],
            [None, None, None, None, None],
            ["A-2", "Dua", 12345678905, None, None, ""],
            merged="A1:E1",
            formats={"C5": "000000000000"},
        )
    )
    assert table.columns == ("sku_code", "sku_name", "barcode", "weight_g", "fast_mover")
    assert [row.number for row in table.rows] == [3, 5]
    assert dict(table.rows[0].cells) == {
        "sku_code": "A-1",
        "sku_name": "Satu",
        "barcode": "8991234567891",
        "weight_g": "180",
        "fast_mover": "true",
    }
    assert table.rows[1].cells["barcode"] == "012345678905"


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, datetime(2026, 12, 3), "SPREADSHEET_DATE"),  # noqa: DTZ001 - what a sheet holds
        (2, 8991234567890123456, "SPREADSHEET_NUMBER"),
        (1, "#REF!", "SPREADSHEET_ERROR"),
        (3, 180.5, "NOT_A_NUMBER"),
        (2, 8991234567890, "BARCODE_INVALID"),
    ],
)
def test_what_a_spreadsheet_spoiled_is_named(place: int, value: object, reason: str) -> None:
    cells: list[Any] = ["A-1", "Satu", None, None, None]
    cells[place] = value
    table = read(workbook(HEADER, cells))
    (problem,) = read_row(table.rows[0], table.columns).problems
    assert (problem.row, problem.column, problem.reason) == (2, table.columns[place], reason)


def test_the_first_visible_sheet_is_read() -> None:
    book = openpyxl.Workbook()
    hidden, shown = book.active, book.create_sheet("barang")
    assert hidden is not None
    hidden.append(["rahasia"])
    hidden.sheet_state = "hidden"
    shown.append(["sku_code", "sku_name"])
    shown.append(["A", "a"])
    with io.BytesIO() as out:
        book.save(out)
        assert [row.cells["sku_code"] for row in read(out.getvalue()).rows] == ["A"]


def bomb() -> bytes:
    with io.BytesIO(workbook(HEADER)) as out:
        with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/zeros.bin", b"\0" * 17 * 1024 * 1024)
        return out.getvalue()


def many_parts() -> bytes:
    with io.BytesIO(workbook(HEADER)) as out:
        with zipfile.ZipFile(out, "a") as archive:
            for part in range(501):
                archive.writestr(f"xl/media/{part}", b"")
        return out.getvalue()


def with_sheet(xml: str) -> bytes:
    old, new = io.BytesIO(workbook(HEADER)), io.BytesIO()
    with old, new:
        with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as target:
            for part in source.namelist():
                is_sheet = part == "xl/worksheets/sheet1.xml"
                target.writestr(part, xml.encode() if is_sheet else source.read(part))
        return new.getvalue()


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
FAR = f'<worksheet xmlns="{MAIN}"><sheetData><row r="999999999999"><c r="A1"/></row></sheetData></worksheet>'
WIDE = f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="ZZZZZZZ1"/></row></sheetData></worksheet>'
ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    f'<worksheet xmlns="{MAIN}"><sheetData><row><c t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>'
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"sku_code,sku_name\nA,a\n",
        b"PK\x03\x04",
        bomb(),
        many_parts(),
        with_sheet(FAR),
        with_sheet(WIDE),
        with_sheet(ENTITIES),
        with_sheet("<worksheet"),
    ],
    ids=["empty", "csv", "cut", "bomb", "parts", "far", "wide", "entities", "broken"],
)
def test_what_is_no_workbook_or_a_trap_is_refused(content: bytes) -> None:
    with pytest.raises(ImportUnreadable):
        read(content)


def test_sheets_are_bounded_before_they_are_unpacked() -> None:
    content = workbook(HEADER, *[[f"A-{i}", "nama " * 20] for i in range(200)])
    small = Size(unpacked=Bounds(5_000, 1_000_000))
    with io.BytesIO(content) as file, pytest.raises(ImportUnreadable) as refused:
        open_table(file, COLUMNS, REQUIRED_COLUMNS, FileFormat.XLSX, small)
    assert "at most 5000" in refused.value.message


@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=8))
def test_whatever_is_broken_in_a_workbook_it_is_read_or_refused(place: int, garbage: bytes) -> None:
    content = bytearray(workbook(HEADER, ["A", "a"]))
    place %= len(content)
    content[place : place + len(garbage)] = garbage
    with suppress(ImportUnreadable), warnings.catch_warnings():
        read(bytes(content))
