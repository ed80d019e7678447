"""Set what a bundle consumes from now on: a new version, which touches nothing made with earlier ones."""

from collections.abc import Sequence

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.recipes import check_changed, check_components
from lumbung_catalog.domain.skus import Component, Sku, require_active, require_bundle, require_etag
from lumbung_catalog.stores import recipes, skus
from lumbung_catalog.usecases.find import locked_sku
from lumbung_catalog.usecases.record_change import record_change
from lumbung_kit.postgres import Conn


async def set_recipe(conn: Conn, sku_code: str, etag: str, components: Sequence[Component], act: Act) -> Sku:
    """The bundle with its new recipe. Raises what SetRecipe's contract lists."""
    sku = await locked_sku(conn, sku_code)
    current = require_bundle(sku)
    require_etag(sku.etag, etag)
    require_active(sku)
    known = await skus.lock_components(conn, [component.sku_code for component in components])
    check_components(sku_code, components, known)
    check_changed(current, components)
    version = current.version + 1
    await recipes.insert(conn, [recipes.NewRecipe(sku_code, version, components)], act)
    await skus.set_recipe_version(conn, sku_code, version)
    return await record_change(conn, sku_code, act)
