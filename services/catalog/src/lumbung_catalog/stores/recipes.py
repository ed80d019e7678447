"""Recipes in PostgreSQL: versions are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.recipes import Resolved
from lumbung_catalog.domain.skus import Component, Recipe, Sku, SkuState
from lumbung_catalog.stores import rows
from lumbung_catalog.stores.query import execute, fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "recipes.sql")
_INSERT = _SQL["insert_recipes"]
_INSERT_COMPONENTS = _SQL["insert_components"]
_INSERT_DRAWS = _SQL["insert_draws"]
_LOCK_RECIPES = _SQL["lock_recipes"]
_BUNDLES_AROUND = _SQL["bundles_around"]
_EVER_CONSUMING = _SQL["list_ever_consuming"]
_EVER_DRAWN = _SQL["list_ever_drawn"]
_LIST = _SQL["list_recipes"]
_LIST_BUNDLES_OF = _SQL["list_bundles_of"]


@dataclass(frozen=True, slots=True)
class NewRecipe:
    """A version to be added."""

    sku_code: str
    version: int
    resolved: Resolved


@dataclass(frozen=True, slots=True)
class RecipeVersion:
    """A version with who set it, and when the next took its place."""

    recipe: Recipe
    actor: str
    reason: str
    end_time: datetime | None


async def insert(conn: Conn, recipes: Sequence[NewRecipe], act: Act) -> None:
    """Adds versions of recipes."""
    if not recipes:
        return
    versions = [
        {"sku_code": recipe.sku_code, "version": recipe.version, "level": recipe.resolved.level}
        for recipe in recipes
    ]
    await execute(conn, _INSERT, {"rows": Jsonb(versions), "actor": act.actor, "reason": act.reason})
    parts = [row for recipe in recipes for row in _part_rows(recipe, recipe.resolved.components)]
    await execute(conn, _INSERT_COMPONENTS, {"rows": Jsonb(parts)})
    nested = [recipe for recipe in recipes if recipe.resolved.level > 1]
    draws = [row for recipe in nested for row in _part_rows(recipe, recipe.resolved.draws)]
    await execute(conn, _INSERT_DRAWS, {"rows": Jsonb(draws)})


def _part_rows(recipe: NewRecipe, parts: Sequence[Component]) -> list[dict[str, object]]:
    return [
        {
            "sku_code": recipe.sku_code,
            "version": recipe.version,
            "component_code": part.sku_code,
            "quantity": part.quantity,
        }
        for part in parts
    ]


async def ever_consuming(conn: Conn, sku_code: str, limit: int) -> list[str]:
    """Bundles that consume a SKU, or have in an earlier version of their recipe."""
    found = await fetch(conn, _EVER_CONSUMING, {"component_code": sku_code, "limit": limit})
    return [row["sku_code"] for row in found]


async def ever_drawn(conn: Conn, sku_code: str, limit: int) -> list[str]:
    """What a bundle takes from stock, or has in an earlier version of its recipe."""
    found = await fetch(conn, _EVER_DRAWN, {"sku_code": sku_code, "limit": limit})
    return [row["sku_code"] for row in found]


async def lock_all(conn: Conn) -> None:
    """Recipes change one after the other: two bundles can then never close a circle together.

    Taken before any SKU is locked, by everything that writes recipes.
    """
    await execute(conn, _LOCK_RECIPES, {})


async def around(conn: Conn, sku_code: str, limit: int) -> list[str]:
    """The active bundles that consume a SKU, at whatever depth, by code."""
    found = await fetch(conn, _BUNDLES_AROUND, {"sku_code": sku_code, "limit": limit})
    return [row["sku_code"] for row in found]


async def page(conn: Conn, sku_code: str, before_version: int, limit: int) -> list[RecipeVersion]:
    """Versions of one bundle's recipe before a version, newest first."""
    found = await fetch(conn, _LIST, {"sku_code": sku_code, "before_version": before_version, "limit": limit})
    return [
        RecipeVersion(
            Recipe(row["version"], rows.components(row), row["set_time"], row["level"], rows.draws(row)),
            row["actor"],
            row["reason"],
            row["end_time"],
        )
        for row in found
    ]


async def bundles_of(
    conn: Conn, component_code: str, after_code: str, limit: int, *, state: SkuState | None = None
) -> list[Sku]:
    """Bundles whose current recipe consumes a SKU, after a code, in order of code."""
    found = await fetch(
        conn,
        _LIST_BUNDLES_OF,
        {
            "component_code": component_code,
            "after_code": after_code,
            "limit": limit,
            "state": state and int(state),
        },
    )
    return [rows.sku(row) for row in found]
