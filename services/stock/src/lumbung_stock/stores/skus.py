"""The projection of the catalog: SKUs and what bundles draw on."""

from __future__ import annotations

from collections.abc import Iterable

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.skus import SkuRecord

_SQL = load(__package__, "skus.sql")
_FIND, _PUT = _SQL["find"], _SQL["put"]
_DROP_COMPONENTS, _ADD_COMPONENTS = _SQL["drop_components"], _SQL["add_components"]


async def find_skus(conn: Conn, codes: Iterable[str]) -> dict[str, SkuRecord]:
    """SKUs by code; unknown codes are absent."""
    cursor = await conn.execute(_FIND, {"sku_codes": list(set(codes))})
    return {
        code: SkuRecord(
            code, name, is_bundle, active, tuple(zip(components, quantities, strict=True)), recipe, *lots
        )
        async for code, name, is_bundle, active, recipe, components, quantities, *lots in cursor
    }


async def put_sku(conn: Conn, sku: SkuRecord, catalog_version: int) -> bool:
    """Writes the catalog's snapshot with its recipe. False when it is not newer than what is here."""
    cursor = await conn.execute(
        _PUT,
        {
            "sku_code": sku.sku_code,
            "name": sku.name,
            "is_bundle": sku.is_bundle,
            "active": sku.active,
            "recipe_version": sku.recipe_version,
            "lot_tracking": sku.lot_tracking,
            "shelf_life_days_min": sku.shelf_life_days_min,
            "catalog_version": catalog_version,
        },
    )
    if await cursor.fetchone() is None:
        return False
    await conn.execute(_DROP_COMPONENTS, {"bundle_code": sku.sku_code})
    await conn.execute(
        _ADD_COMPONENTS,
        {
            "bundle_code": sku.sku_code,
            "component_codes": [code for code, _ in sku.components],
            "quantities": [quantity for _, quantity in sku.components],
        },
    )
    return True
