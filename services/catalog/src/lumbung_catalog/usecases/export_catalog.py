"""Export the master data as it is at one instant: a file that an import reads back."""

import asyncio
from dataclasses import dataclass
from typing import IO

from lumbung_catalog.domain.export_rows import export_row, header
from lumbung_catalog.domain.import_columns import COLUMNS
from lumbung_catalog.domain.import_table import FileFormat
from lumbung_catalog.domain.sheets import Sheet, new_sheet
from lumbung_catalog.domain.skus import Sku, SkuState
from lumbung_catalog.stores import products, skus
from lumbung_catalog.stores.patience import see_one_instant
from lumbung_kit.postgres import Conn, Postgres

SKUS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Export:
    """What somebody wants to have."""

    file_format: FileFormat
    include_retired: bool
    indonesian_headings: bool


async def export_catalog(postgres: Postgres, wanted: Export, file: IO[bytes]) -> None:
    """Writes the file, a portion of SKUs at a time: however slowly it is read afterwards, no transaction waits."""
    sheet = new_sheet(file, wanted.file_format, len(COLUMNS))
    sheet.write(header(indonesian=wanted.indonesian_headings))
    async with postgres.transaction() as conn:
        await see_one_instant(conn)
        await _write_skus(conn, sheet, None if wanted.include_retired else SkuState.ACTIVE)
    await asyncio.to_thread(sheet.close)


async def _write_skus(conn: Conn, sheet: Sheet, state: SkuState | None) -> None:
    after = ""
    while found := await skus.page(conn, after, SKUS_AT_ONCE, state=state):
        after = found[-1].sku_code
        await asyncio.to_thread(sheet.write_all, await _rows(conn, found))


async def _rows(conn: Conn, found: list[Sku]) -> list[list[str]]:
    known = await products.load_all(conn, list({sku.product_code for sku in found}))
    return [export_row(sku, known[sku.product_code]) for sku in found]
