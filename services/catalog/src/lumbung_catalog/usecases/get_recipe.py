"""Read one version of what a bundle consumes, or all of them."""

from lumbung_catalog.domain.failures import RecipeNotFound
from lumbung_catalog.domain.skus import Recipe, require_bundle
from lumbung_catalog.stores import recipes
from lumbung_catalog.stores.recipes import RecipeVersion
from lumbung_catalog.usecases.find import read_sku
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn


async def get_recipe(conn: Conn, sku_code: str, version: int) -> Recipe:
    """The version asked for; 0 is the current one. Raises SkuNotFound, NotABundle, RecipeNotFound."""
    current = require_bundle(await read_sku(conn, sku_code))
    if version in {0, current.version}:
        return current
    found = await recipes.page(conn, sku_code, version + 1, 1)
    if not found or found[0].recipe.version != version:
        raise RecipeNotFound(
            metadata={"current_version": str(current.version)},
            fields=[FieldViolation("version", f"must be 0 to {current.version}, not {version}")],
        )
    return found[0].recipe


async def list_recipes(conn: Conn, sku_code: str, before_version: int, limit: int) -> list[RecipeVersion]:
    """Versions before one, newest first. Raises SkuNotFound, NotABundle."""
    require_bundle(await read_sku(conn, sku_code))
    return await recipes.page(conn, sku_code, before_version, limit)
