"""Set what a bundle consumes from now on: a new version, which touches nothing made with earlier ones."""

from collections.abc import Sequence

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.failures import RecipeTooWide
from lumbung_catalog.domain.limits import BUNDLES_AROUND_MAX
from lumbung_catalog.domain.recipes import (
    Resolved,
    check_changed,
    check_components,
    check_no_cycle,
    following,
    resolved,
)
from lumbung_catalog.domain.skus import Component, Sku, SkuState, require_active, require_bundle, require_etag
from lumbung_catalog.stores import journal, recipes, skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def set_recipe(conn: Conn, sku_code: str, etag: str, components: Sequence[Component], act: Act) -> Sku:
    """The bundle with its new recipe. Raises what SetRecipe's contract lists.

    Bundles that consume it get a new version of their recipes too, with other draws: a version never changes.
    """
    await recipes.lock_all(conn)
    sku = await locked_sku(conn, sku_code)
    current = require_bundle(sku)
    require_etag(sku.etag, etag)
    require_active(sku)
    around = await _lock_around(conn, sku_code)
    known = await skus.lock_components(conn, [component.sku_code for component in components])
    check_components(sku_code, components, known)
    check_no_cycle(components, around)
    check_changed(current, components)
    recipe = resolved(sku_code, components, known)
    await _follow(conn, sku_code, recipe, around, act)
    await _write(conn, {sku_code: recipe}, {sku_code: sku}, act)
    return await record_change(conn, sku_code, act)


async def _lock_around(conn: Conn, sku_code: str) -> dict[str, Sku]:
    """The active bundles that consume one, at whatever depth, kept from being retired meanwhile."""
    codes = await recipes.around(conn, sku_code, BUNDLES_AROUND_MAX + 1)
    if len(codes) > BUNDLES_AROUND_MAX:
        raise RecipeTooWide(metadata={"sku_code": sku_code, "bundles_max": str(BUNDLES_AROUND_MAX)})
    found = await skus.lock_all(conn, codes)
    return {code: sku for code, sku in found.items() if sku.state is SkuState.ACTIVE}


async def _follow(conn: Conn, sku_code: str, recipe: Resolved, around: dict[str, Sku], act: Act) -> None:
    parts = {code: require_bundle(sku).components for code, sku in around.items()}
    codes = {part.sku_code for components in parts.values() for part in components}
    known = await skus.standings_of(conn, sorted(codes - around.keys()))
    found = following({sku_code: recipe.standing}, parts, known)
    changed = {
        code: one
        for code, one in found.items()
        if (one.draws, one.level) != (require_bundle(around[code]).draws, require_bundle(around[code]).level)
    }
    because = act.because(f"recipe of {sku_code}: {act.reason}"[:200].rstrip(": "))
    await _write(conn, changed, around, because)
    after = await skus.load(conn, list(changed))
    await journal.record_skus(conn, [after[code] for code in sorted(changed)], because)


async def _write(conn: Conn, found: dict[str, Resolved], before: dict[str, Sku], act: Act) -> None:
    """Adds the next version of each recipe and makes it the current one."""
    versions = {code: require_bundle(before[code]).version + 1 for code in found}
    await recipes.insert(
        conn, [recipes.NewRecipe(code, versions[code], one) for code, one in found.items()], act
    )
    await skus.set_recipe_versions(conn, versions)
