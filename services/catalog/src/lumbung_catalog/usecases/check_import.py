"""Check a shop's file: every row at once, against the other rows and against the catalog."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from lumbung_catalog.domain.import_changes import Compared, compared
from lumbung_catalog.domain.import_columns import CODE_COLUMN, COLUMNS, REQUIRED_COLUMNS
from lumbung_catalog.domain.import_plan import Existing, Plan, plan_import
from lumbung_catalog.domain.import_rows import Draft, ImportMode, ReadRow, read_row
from lumbung_catalog.domain.import_table import FileFormat, OpenTable, Size, open_table
from lumbung_catalog.domain.limits import BUNDLES_AROUND_MAX
from lumbung_catalog.domain.similarity import Fingerprint, Known, fingerprint
from lumbung_catalog.domain.skus import Component, Sku, SkuState
from lumbung_catalog.stores import barcodes, products, recipes, skus
from lumbung_kit.postgres import Conn, Postgres

ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read, and what its rows mean."""

    file_format: FileFormat
    mode: ImportMode
    size: Size = field(default_factory=Size)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is, in rows."""

    read: int = 0
    total: int = 0
    checked: int = 0
    written: int = 0


Tell = Callable[[Progress], Awaitable[None]]


async def tell_nobody(progress: Progress) -> None:
    """For imports that are done in a moment."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file with its plan."""

    row_count: int
    header_row: int
    plan: Plan
    unchanged_count: int

    def may_apply(self, *, forced: bool) -> bool:
        """Whether nothing speaks against it; look-alikes do so only without a reason."""
        return not self.plan.errors and (forced or not self.plan.warnings)


async def check_file(
    postgres: Postgres, file: IO[bytes], reading: Reading, tell: Tell = tell_nobody
) -> CheckedFile:
    """Everything that the file would do. Raises ImportUnreadable, ImportTooLarge.

    Reading and comparing are done in threads and outside of a transaction: they take a second or two for 5,000 rows,
    and up to a minute for 100,000. What somebody else creates meanwhile is found when the plan is applied.
    """
    required = REQUIRED_COLUMNS if reading.mode is ImportMode.CREATE else (CODE_COLUMN,)
    table = await asyncio.to_thread(open_table, file, COLUMNS, required, reading.file_format, reading.size)
    rows = await _read(table, reading.mode, tell)
    async with postgres.connection() as conn:
        existing = await _existing(conn, rows, reading.mode)
    plan = await asyncio.to_thread(plan_import, rows, existing, upsert=reading.mode is ImportMode.UPSERT)
    await tell(Progress(read=len(rows), total=len(rows), checked=len(rows)))
    wrong = {problem.row for problem in plan.errors}
    unchanged = [row for row in rows if _is_unchanged(row, existing) and row.number not in wrong]
    return CheckedFile(len(rows), table.header_row, plan, len(unchanged))


def _is_unchanged(row: ReadRow, existing: Existing) -> bool:
    known = existing.compared.get(row.sku_code)
    return known is not None and known.change is None


async def _read(table: OpenTable, mode: ImportMode, tell: Tell) -> list[ReadRow]:
    """In portions, so that a call that is cancelled is not read to its end."""
    rows: list[ReadRow] = []

    def portion() -> list[ReadRow]:
        return [read_row(row, table.columns, mode) for row in islice(table.rows, ROWS_AT_ONCE)]

    while found := await asyncio.to_thread(portion):
        rows += found
        await tell(Progress(read=len(rows)))
    return rows


async def _existing(conn: Conn, rows: Sequence[ReadRow], mode: ImportMode) -> Existing:
    """What the catalog holds of what the rows mention, in a handful of statements whatever their number."""
    drafts = [row.draft for row in rows if row.draft is not None]
    beside = await _compared(conn, drafts) if mode is ImportMode.UPSERT else {}
    around = await _around(conn, beside)
    product_codes = [draft.product_code for draft in drafts]
    known_products = await products.load_in_any_case(
        conn, [*product_codes, *(one.product_code for one in beside.values())]
    )
    new = [
        fingerprint(draft.sku_code, draft.description.name, draft.product_code)
        for draft in drafts
        if draft.sku_code not in beside
    ]
    changes = [one.change for one in beside.values() if one.change is not None]
    new += [change.fingerprint for change in changes if change.renamed]
    return Existing(
        skus=await skus.standings(conn, _mentioned(drafts, around)),
        products=known_products,
        option_owners=await skus.option_owners(conn, list(known_products)),
        barcode_owners=await barcodes.owners(conn, [b.key for draft in drafts for b in draft.barcodes]),
        look_alikes=[one.compared for one in await _look_alikes(conn, new)],
        compared=beside,
        around=around,
    )


async def _look_alikes(conn: Conn, new: Sequence[Fingerprint]) -> list[Known]:
    """Not those that the file names otherwise: they are compared as they will be."""
    return await skus.look_alikes(conn, new, except_codes=[one.sku_code for one in new])


def _mentioned(drafts: Sequence[Draft], around: dict[str, tuple[Component, ...]]) -> list[str]:
    """Every SKU that a draft is or consumes, and what the bundles around consume."""
    components = [part.sku_code for draft in drafts for part in draft.components]
    further = [part.sku_code for parts in around.values() for part in parts]
    return [*(draft.sku_code for draft in drafts), *components, *further, *around]


async def _compared(conn: Conn, drafts: Sequence[Draft]) -> dict[str, Compared]:
    """Rows beside their SKUs, a portion at a time: of a SKU that stays as it is, nothing is kept."""
    beside: dict[str, Compared] = {}
    for first in range(0, len(drafts), ROWS_AT_ONCE):
        portion = drafts[first : first + ROWS_AT_ONCE]
        known = await skus.load(conn, [draft.sku_code for draft in portion])
        beside.update(await asyncio.to_thread(_side_by_side, portion, known))
    return beside


def _side_by_side(drafts: Sequence[Draft], known: Mapping[str, Sku]) -> dict[str, Compared]:
    return {
        draft.sku_code: compared(draft, known[draft.sku_code]) for draft in drafts if draft.sku_code in known
    }


async def _around(conn: Conn, beside: dict[str, Compared]) -> dict[str, tuple[Component, ...]]:
    """The active bundles that consume one whose recipe would change, with their components."""
    codes: set[str] = set()
    for sku_code, one in beside.items():
        if one.change is not None and one.change.components:
            codes.update(await recipes.around(conn, sku_code, BUNDLES_AROUND_MAX + 1))
    found = await skus.load(conn, sorted(codes))
    return {
        code: sku.recipe.components
        for code, sku in found.items()
        if sku.recipe is not None and sku.state is SkuState.ACTIVE
    }
