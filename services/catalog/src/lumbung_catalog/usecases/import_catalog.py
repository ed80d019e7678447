"""Import a shop's file: check every row at once, then create everything or nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.failures import (
    BarcodeTaken,
    ComponentNotFound,
    OptionsTaken,
    RecipeCycle,
    RecipeTooDeep,
    RecipeTooLarge,
    SkuExists,
    SkuRetired,
)
from lumbung_catalog.domain.import_plan import Existing, Plan, plan_import
from lumbung_catalog.domain.import_rows import COLUMNS, REQUIRED_COLUMNS, Draft, ReadRow, read_row
from lumbung_catalog.domain.import_table import read_table
from lumbung_catalog.domain.products import Product
from lumbung_catalog.domain.recipes import Resolved, Standing, check_components, resolved_together
from lumbung_catalog.domain.similarity import fingerprint
from lumbung_catalog.domain.skus import Component, NewSku, SkuKind, SkuState
from lumbung_catalog.stores import barcodes, journal, products, recipes, skus
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn, Postgres

_OVERTAKEN = (
    SkuExists,
    OptionsTaken,
    BarcodeTaken,
    ComponentNotFound,
    SkuRetired,
    RecipeCycle,
    RecipeTooDeep,
    RecipeTooLarge,
)
"""What the plan cannot meet unless somebody changed the catalog since it was made."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file with its plan."""

    row_count: int
    plan: Plan

    def may_apply(self, *, forced: bool) -> bool:
        """Whether nothing speaks against it; look-alikes do so only without a reason."""
        return not self.plan.errors and (forced or not self.plan.warnings)


async def check_file(postgres: Postgres, content: bytes) -> CheckedFile:
    """Everything that the file would do. Raises ImportUnreadable, ImportTooLarge.

    Reading and comparing are done in a thread and outside of a transaction: they take a second or two for the
    largest file. What somebody else creates meanwhile is found when the plan is applied.
    """
    rows = await asyncio.to_thread(_read, content)
    async with postgres.connection() as conn:
        existing = await _existing(conn, [row.draft for row in rows if row.draft is not None])
    return CheckedFile(len(rows), await asyncio.to_thread(plan_import, rows, existing))


def _read(content: bytes) -> list[ReadRow]:
    table = read_table(content, COLUMNS, REQUIRED_COLUMNS)
    return [read_row(row, table.columns) for row in table.rows]


async def _existing(conn: Conn, drafts: Sequence[Draft]) -> Existing:
    """What the catalog holds of what the drafts mention, in five statements."""
    components = [component.sku_code for draft in drafts for component in draft.components]
    known_products = await products.load_in_any_case(conn, [draft.product_code for draft in drafts])
    return Existing(
        skus=await skus.standings(conn, [draft.sku_code for draft in drafts] + components),
        products=known_products,
        option_owners=await skus.option_owners(conn, list(known_products)),
        barcode_owners=await barcodes.owners(conn, [b.key for draft in drafts for b in draft.barcodes]),
        look_alikes=await skus.look_alikes(
            conn,
            [fingerprint(draft.sku_code, draft.description.name, draft.product_code) for draft in drafts],
            except_codes=[draft.sku_code for draft in drafts],
        ),
    )


async def apply_plan(conn: Conn, plan: Plan, act: Act) -> None:
    """Creates everything that a plan without errors holds, in a dozen statements whatever its size.

    Raises ConcurrentChange when somebody created or retired something that the plan relies on.
    """
    created = await products.insert(conn, plan.products)
    if len(created) < len(plan.products):
        raise ConcurrentChange("A product of the file was created by somebody else; import it again.")
    bundles = {sku.sku_code: sku.components for sku in plan.skus if sku.kind is SkuKind.BUNDLE}
    try:
        resolved = await _resolve(conn, plan.skus, bundles)
        await skus.insert(conn, plan.skus)
        await barcodes.insert(
            conn, [(sku.sku_code, barcode) for sku in plan.skus for barcode in sku.barcodes]
        )
    except _OVERTAKEN as failure:
        raise ConcurrentChange(
            f"{failure.message} Import the file again.", metadata=failure.metadata
        ) from failure
    await recipes.insert(conn, [recipes.NewRecipe(code, 1, recipe) for code, recipe in resolved.items()], act)
    await _record(conn, list(created.values()), plan.skus, act)


async def _resolve(
    conn: Conn, new: Sequence[NewSku], bundles: Mapping[str, Sequence[Component]]
) -> dict[str, Resolved]:
    """Components that are there already must still be in use, and stay so."""
    if not bundles:
        return {}
    await recipes.lock_all(conn)
    codes = {component.sku_code for components in bundles.values() for component in components}
    known = await skus.lock_components(conn, sorted(codes))
    known |= {sku.sku_code: Standing(sku.kind, SkuState.ACTIVE) for sku in new}
    for code, components in bundles.items():
        check_components(code, components, known)
    together = resolved_together(bundles, known)
    for failure in together.failures.values():
        raise failure
    return together.recipes


async def _record(conn: Conn, made: Sequence[Product], new: Sequence[NewSku], act: Act) -> None:
    await journal.record_products(conn, made, act)
    created = await skus.load(conn, [sku.sku_code for sku in new])
    await journal.record_skus(conn, [created[sku.sku_code] for sku in new], act)
