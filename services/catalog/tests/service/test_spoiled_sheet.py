"""A shop's list of 2,000 goods with 40 bad rows: the report names those and no other, and nothing is half there."""

import asyncio
import io
from collections import Counter
from typing import Any

import pytest

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung_catalog.domain import import_csv, import_xlsx
from lumbung_catalog.domain.import_columns import COLUMNS, PROBLEM_COLUMNS
from lumbung_catalog.domain.import_table import FileFormat, Size
from lumbung_dev.shop.spreadsheet import as_file, mended, shop_rows, spoiled

from .test_stream_import import answers, parts, start

MANY = 2_000
BAD = 40


@pytest.mark.parametrize("file_format", [FileFormat.CSV, FileFormat.XLSX])
async def test_of_2000_rows_the_40_bad_ones_are_named_and_mended_all_are_there(
    catalog: Any, file_format: FileFormat
) -> None:
    good = shop_rows(MANY)
    rows, bad = spoiled(good, BAD)
    assert len({cell.row for cell in bad}) == BAD
    before = await catalog.everything()
    form = {"format": int(file_format), "annotate": True}
    content = await asyncio.to_thread(as_file, rows, file_format)
    told = await answers(catalog, start(content, **form), *parts(content, 200_000))
    report = next(answer.report for answer in told if answer.HasField("report"))
    assert [(error.row, error.column, error.reason) for error in report.errors] == [
        (cell.row, cell.column, cell.reason) for cell in bad
    ]
    assert (report.applied, report.row_count, report.warning_count) == (False, MANY, 0)
    assert await catalog.everything() == before
    annotated = b"".join(answer.annotated_chunk for answer in told)
    assert _rows_with_problems(annotated, file_format) == [cell.row for cell in bad]

    content = await asyncio.to_thread(as_file, mended(rows, good, bad), file_format)
    told = await answers(catalog, start(content, **form), *parts(content, 200_000))
    assert (told[-1].report.applied, told[-1].report.sku_count) == (True, MANY)
    again = start(content, **form, request_id="again", mode=pb.IMPORT_MODE_UPSERT)
    told = await answers(catalog, again, *parts(content, 200_000))
    assert told[-1].report == pb.ImportReport(applied=True, row_count=MANY, unchanged_row_count=MANY)


def _rows_with_problems(content: bytes, file_format: FileFormat) -> list[int]:
    """Of the annotated file, the rows that have something in its last two columns."""
    with io.BytesIO(content) as file:
        is_workbook = file_format is FileFormat.XLSX
        bounds = Size().unpacked
        records = list(import_xlsx.records(file, bounds) if is_workbook else import_csv.records(file))
    assert tuple(records[0][-2:]) == PROBLEM_COLUMNS
    return [row for row, record in enumerate(records[1:], 2) if any(record[len(COLUMNS) :])]


def test_the_bad_rows_are_wrong_in_every_way_that_is_known() -> None:
    ways = Counter(cell.reason for cell in spoiled(shop_rows(MANY), BAD)[1])
    assert len(ways) >= 15
