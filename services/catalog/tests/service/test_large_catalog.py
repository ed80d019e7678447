"""100,000 rows through the service: run by `pytest -m large`, and the figures are in docs/decisions/0053."""

import asyncio
import resource
import time
from typing import Any

import pytest

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_dev.shop.spreadsheet import as_file, shop_rows

from .test_stream_import import answers, parts, start

ROWS = 100_000
CHUNK = 256 * 1024
QUERIES = (
    "BRG-054321",
    "8990001543210",
    "brg-0999",
    "kemeja batik 54320",
    "seri 77777",
    "tenun",
    "kemjea batik",
)


def _told(what: str, began: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    lines = f"{time.perf_counter() - began:.2f} s; so far {used.ru_utime:.0f} s of a core in Python"
    print(f"{what}: {lines}, peak {used.ru_maxrss // 1024} MB", flush=True)  # noqa: T201


@pytest.mark.large
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("file_format", [FileFormat.CSV, FileFormat.XLSX])
async def test_a_hundred_thousand_rows_go_in_come_out_and_are_found(
    catalog: Any, file_format: FileFormat
) -> None:
    content = await asyncio.to_thread(as_file, shop_rows(ROWS), file_format)
    print(f"\n{file_format.name} of {len(content)} bytes")  # noqa: T201
    began = time.perf_counter()
    told = await answers(catalog, start(content, format=int(file_format)), *parts(content, CHUNK))
    _told("import", began)
    assert (told[-1].report.applied, told[-1].report.sku_count) == (True, ROWS)

    began = time.perf_counter()
    request = pb.ExportCatalogRequest(format=pb.FileFormat.ValueType(int(file_format)))
    exported = b"".join([answer.chunk async for answer in catalog.imports.ExportCatalog(request)])
    _told("export", began)

    began = time.perf_counter()
    again = start(exported, format=int(file_format), request_id="again", mode=pb.IMPORT_MODE_UPSERT)
    told = await answers(catalog, again, *parts(exported, CHUNK))
    _told("import of the export", began)
    assert told[-1].report == pb.ImportReport(applied=True, row_count=ROWS, unchanged_row_count=ROWS)
    for query in QUERIES:
        await _search(catalog, query)


async def _search(catalog: Any, query: str) -> None:
    began = time.perf_counter()
    request = skus_pb2.SearchSkusRequest(query=query, page_size=50)
    found = (await catalog.skus.SearchSkus(request)).skus
    _told(f"search {query!r}: {len(found)} found, first {found[0].sku_code if found else 'none'}", began)
