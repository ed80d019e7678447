"""Take a retired SKU back into use."""

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.recipes import check_components, resolved
from lumbung_catalog.domain.skus import Recipe, Sku, require_etag, require_retired
from lumbung_catalog.stores import recipes, skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def reinstate_sku(conn: Conn, sku_code: str, etag: str, act: Act) -> Sku:
    """The SKU, active again. Raises what ReinstateSku's contract lists.

    A bundle's components must be in use, and it catches up with those whose recipes changed meanwhile.
    """
    await recipes.lock_all(conn)
    sku = await locked_sku(conn, sku_code)
    require_etag(sku.etag, etag)
    require_retired(sku)
    if sku.recipe is not None:
        await _catch_up(conn, sku_code, sku.recipe, act)
    await skus.reinstate(conn, sku_code)
    return await record_change(conn, sku_code, act)


async def _catch_up(conn: Conn, sku_code: str, current: Recipe, act: Act) -> None:
    known = await skus.lock_components(conn, [component.sku_code for component in current.components])
    check_components(sku_code, current.components, known)
    recipe = resolved(sku_code, current.components, known)
    if (recipe.draws, recipe.level) != (current.draws, current.level):
        version = current.version + 1
        await recipes.insert(conn, [recipes.NewRecipe(sku_code, version, recipe)], act)
        await skus.set_recipe_versions(conn, {sku_code: version})
