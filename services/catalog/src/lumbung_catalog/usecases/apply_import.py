"""Apply a plan that nothing speaks against: all of it, or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.failures import (
    BarcodeTaken,
    ComponentNotFound,
    OptionsTaken,
    RecipeCycle,
    RecipeTooDeep,
    RecipeTooLarge,
    RecipeTooWide,
    SkuExists,
    SkuRetired,
    UnitExists,
    UnitNotFound,
)
from lumbung_catalog.domain.import_plan import Plan
from lumbung_catalog.domain.limits import BUNDLES_AROUND_MAX
from lumbung_catalog.domain.recipes import Resolved, Standing, check_components, resolved_together
from lumbung_catalog.domain.similarity import Neighbourhood, fingerprint
from lumbung_catalog.domain.skus import Component, Sku, SkuState, require_bundle
from lumbung_catalog.stores import barcodes, journal, products, recipes, skus
from lumbung_catalog.stores.patience import be_patient
from lumbung_catalog.usecases.check_import import Progress, Tell, tell_nobody
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn

WRITTEN_AT_ONCE = 1_000
T = TypeVar("T")

_OVERTAKEN = (
    SkuExists,
    OptionsTaken,
    BarcodeTaken,
    ComponentNotFound,
    SkuRetired,
    RecipeCycle,
    RecipeTooDeep,
    RecipeTooLarge,
    RecipeTooWide,
    UnitExists,
    UnitNotFound,
)
"""What the plan cannot meet unless somebody changed the catalog since it was made."""


async def apply_plan(conn: Conn, plan: Plan, act: Act, row_count: int = 0, tell: Tell = tell_nobody) -> None:
    """Creates and changes everything that a plan without errors holds, in portions of one transaction.

    Raises ConcurrentChange when somebody created, changed or retired something that the plan relies on.
    """
    await be_patient(conn)
    try:
        await _write(conn, plan, act, row_count, tell)
    except _OVERTAKEN as failure:
        raise ConcurrentChange(
            f"{failure.message} Import the file again.", metadata=failure.metadata
        ) from failure


async def _write(conn: Conn, plan: Plan, act: Act, row_count: int, tell: Tell) -> None:
    """Locks in the one order: all recipes, products, SKUs, bundles around, components."""
    parts = {sku.sku_code: sku.components for sku in plan.skus if sku.components}
    parts |= {one.sku_code: one.components for one in plan.changes if one.components}
    if parts:
        await recipes.lock_all(conn)
    await _write_products(conn, plan, act)
    await _require_unchanged(conn, plan)
    before = await _lock_bundles(conn, plan)
    found = await _resolve(conn, plan, parts, before)
    await _insert(conn, plan)
    versions = {code: _next_version(before.get(code)) for code in found}
    await recipes.insert(
        conn, [recipes.NewRecipe(code, versions[code], one) for code, one in found.items()], act
    )
    await _change(conn, plan, versions)
    if not act.reason:
        await _require_no_new_look_alikes(conn, plan)
    following = sorted(found.keys() - parts.keys())
    await skus.set_recipe_versions(conn, {code: versions[code] for code in following})
    written = [*(sku.sku_code for sku in plan.skus), *(one.sku_code for one in plan.changes), *following]
    await _record(conn, written, act, row_count, tell)


async def _write_products(conn: Conn, plan: Plan, act: Act) -> None:
    for portion in _portions(plan.products):
        created = await products.insert(conn, portion)
        if len(created) < len(portion):
            raise ConcurrentChange("A product of the file was created by somebody else; import it again.")
        await journal.record_products(conn, list(created.values()), act)
    locked = await products.lock_all(conn, [product.product_code for product in plan.product_changes])
    for wanted in plan.product_changes:
        code = wanted.product_code
        if locked[code].version != wanted.version:
            raise ConcurrentChange(f"The product {code} was changed by somebody else; import the file again.")
        changed = await products.update(conn, code, wanted.name, wanted.description)
        await journal.record_products(conn, [changed], act)


async def _require_unchanged(conn: Conn, plan: Plan) -> None:
    """What the file changes must be as it was when the plan was made, and stays so."""
    if not plan.changes:
        return
    locked = await skus.lock_versions(conn, [one.sku_code for one in plan.changes])
    for one in plan.changes:
        if locked[one.sku_code] != (one.version, SkuState.ACTIVE):
            raise ConcurrentChange(
                f"{one.sku_code} was changed by somebody else; import the file again.",
                metadata={"sku_code": one.sku_code},
            )


async def _lock_bundles(conn: Conn, plan: Plan) -> dict[str, Sku]:
    """Bundles whose recipes change, and the active ones that consume them, kept as they are."""
    changed = [one.sku_code for one in plan.changes if one.components]
    codes = set(changed)
    for code in changed:
        around = await recipes.around(conn, code, BUNDLES_AROUND_MAX + 1)
        if len(around) > BUNDLES_AROUND_MAX:
            raise RecipeTooWide(metadata={"sku_code": code, "bundles_max": str(BUNDLES_AROUND_MAX)})
        codes.update(around)
    return await skus.lock_all(conn, sorted(codes)) if codes else {}


async def _resolve(
    conn: Conn, plan: Plan, parts: Mapping[str, Sequence[Component]], before: Mapping[str, Sku]
) -> dict[str, Resolved]:
    """Recipes to be written: the file's own, and those of bundles around that now draw something else.

    Components that are there already must still be in use, and stay so.
    """
    if not parts:
        return {}
    own = {part.sku_code for components in parts.values() for part in components}
    known = await skus.lock_components(conn, sorted(own))
    known |= {sku.sku_code: Standing(sku.kind, SkuState.ACTIVE) for sku in plan.skus}
    for code, components in parts.items():
        check_components(code, components, known)
    around = {code: require_bundle(sku).components for code, sku in before.items() if code not in parts}
    further = {part.sku_code for components in around.values() for part in components}
    known |= await skus.standings_of(conn, sorted(further - known.keys()))
    together = resolved_together({**around, **parts}, known)
    for failure in together.failures.values():
        raise failure
    return {
        code: one for code, one in together.recipes.items() if code in parts or _draws_else(one, before[code])
    }


def _draws_else(found: Resolved, sku: Sku) -> bool:
    current = require_bundle(sku)
    return (found.draws, found.level) != (current.draws, current.level)


def _next_version(sku: Sku | None) -> int:
    return 1 if sku is None else require_bundle(sku).version + 1


async def _require_no_new_look_alikes(conn: Conn, plan: Plan) -> None:
    """What somebody else created since the plan was made is compared too, while nobody creates more.

    Held from here to the end only: for as long as a large file is written, nobody could create anything.
    """
    new = [fingerprint(sku.sku_code, sku.description.name, sku.product_code) for sku in plan.skus]
    new += [change.fingerprint for change in plan.changes if change.renamed]
    if not new:
        return
    await skus.hold_look_alikes(conn, new)
    known = await skus.look_alikes(conn, new, except_codes=[one.sku_code for one in new])
    fresh = Neighbourhood(one.compared for one in known if one.sku_code not in plan.compared_with)
    for one in new:
        for similar in fresh.similar_to(one, 1):
            raise ConcurrentChange(
                f"{one.sku_code} looks like {similar.sku_code}, which is new; import the file again.",
                metadata={"sku_code": similar.sku_code},
            )


async def _insert(conn: Conn, plan: Plan) -> None:
    for new in _portions(plan.skus):
        await skus.insert(conn, new)
        await barcodes.insert(conn, [(sku.sku_code, barcode) for sku in new for barcode in sku.barcodes])


async def _change(conn: Conn, plan: Plan, recipe_versions: Mapping[str, int]) -> None:
    for changed in _portions(plan.changes):
        await skus.change(conn, changed, recipe_versions)
        await skus.insert_units(conn, [(one.sku_code, unit) for one in changed for unit in one.units])
        await barcodes.insert(conn, [(one.sku_code, barcode) for one in changed for barcode in one.barcodes])


async def _record(conn: Conn, codes: Sequence[str], act: Act, row_count: int, tell: Tell) -> None:
    """History and events, from the SKUs as they are now; the last and longest part."""
    for done, portion in zip(range(0, len(codes), WRITTEN_AT_ONCE), _portions(codes), strict=True):
        now = await skus.load(conn, portion)
        await journal.record_skus(conn, [now[code] for code in portion], act)
        await tell(Progress(row_count, row_count, row_count, min(row_count, done + len(portion))))


def _portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(things), WRITTEN_AT_ONCE):
        yield things[first : first + WRITTEN_AT_ONCE]
