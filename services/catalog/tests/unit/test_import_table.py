"""A shop's file, in every form in which spreadsheets write it, is the same table."""

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_catalog.domain.failures import ImportTooLarge, ImportUnreadable
from lumbung_catalog.domain.import_csv import guarded, unguarded
from lumbung_catalog.domain.import_table import read_table

KNOWN = ("sku_code", "sku_name", "options")
REQUIRED = ("sku_code", "sku_name")

cells = st.text(st.characters(exclude_categories=["C"]), max_size=30).map(str.strip)
records = st.lists(st.tuples(cells.filter(bool), cells, cells), min_size=1, max_size=20)


def written(rows: list[tuple[str, ...]], separator: str, line_end: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=line_end)
    writer.writerows([KNOWN, *rows])
    return out.getvalue()


@given(records, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_form_of_a_file_gives_the_same_table(
    rows: list[tuple[str, ...]], separator: str, line_end: str, byte_order_mark: bool
) -> None:
    content = written(rows, separator, line_end).encode("utf-8-sig" if byte_order_mark else "utf-8")
    table = read_table(content, KNOWN, REQUIRED)
    assert table.columns == KNOWN
    read = [tuple(row.cells.get(column, "") for column in KNOWN) for row in table.rows]
    assert read == [tuple(unguarded(cell) for cell in row) for row in rows]
    assert [row.number for row in table.rows] == list(range(2, len(rows) + 2))


@given(st.binary(max_size=400))
def test_whatever_is_sent_is_read_or_refused(content: bytes) -> None:
    with suppress(ImportUnreadable, ImportTooLarge):
        assert read_table(b"sku_code,sku_name\n" + content, KNOWN, REQUIRED).rows


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    table = read_table(b'sku_code,sku_name\nA,"two\nlines"\n,\nB,b\n', KNOWN, REQUIRED)
    assert [(row.number, row.cells["sku_code"]) for row in table.rows] == [(2, "A"), (4, "B")]


def test_a_title_may_stand_above_the_header() -> None:
    table = read_table(b"Daftar barang,,\n\nKode SKU;Nama Barang\nA;a\n", KNOWN, REQUIRED)
    assert table.columns == ("sku_code", "sku_name")
    assert [(row.number, row.cells["sku_name"]) for row in table.rows] == [(4, "a")]


@given(cells)
def test_what_a_spreadsheet_would_run_is_guarded_and_comes_back(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@"))
    assert unguarded(guarded(cell)) == cell


def test_header_names_are_read_as_people_write_them() -> None:
    assert read_table(b'"SKU Code"; Sku Name \nA;a\n', KNOWN, REQUIRED).columns == ("sku_code", "sku_name")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no column sku_code"),
        (b"sku_code,sku_name\n", "has no row of data below the header"),
        (b"sku_code,sku_nama\nA,a\n", "has the unknown column 'sku_nama'; did you mean sku_name?"),
        (b"sku_code,sku_name,\nA,a,\n", "has no name for column 3"),
        (b"sku_code,sku_name,sku_code\nA,a,A\n", "has the column sku_code twice"),
        (b"sku_code,sku_name\nA,\xe9\n", "is not UTF-8 on line 2; save it as CSV UTF-8"),
        (b"sku_code,sku_name\nA,a\x00\n", "holds zero bytes near line 2; it is not a CSV file"),
        (b"PK\x03\x04\x00\x00sku_code,sku_name", "is a workbook; send it as XLSX"),
        (b"\xd0\xcf\x11\xe0", "is a workbook of an old form"),
        (b"\xff\xfes\x00", "is not UTF-8 on line 1"),
        (b'sku_code,sku_name\nA,"a\n', "is not a table near line 2"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(content: bytes, problem: str) -> None:
    with pytest.raises(ImportUnreadable) as refused:
        read_table(content, KNOWN, REQUIRED)
    assert any(violation.description.startswith(problem) for violation in refused.value.fields)


def test_a_file_beyond_the_limit_is_refused_with_the_limit() -> None:
    with pytest.raises(ImportTooLarge) as refused:
        read_table(b"sku_code,sku_name\n" + b"A,a\n" * 5_001, KNOWN, REQUIRED)
    assert refused.value.metadata == {"limit": "5000"}
