"""Apply a catalog event: keep stock's own picture of the SKUs and recipes."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores import lots, sellables, sku_seals, skus
from lumbung_stock.wire.events import availability_changed


async def apply_catalog_event(conn: Conn, sku: SkuRecord, catalog_version: int) -> bool:
    """Writes the catalog's snapshot of one SKU; False when stock has that or a newer one.

    A recipe that changes never touches reservations already made: they carry their own components. Whoever watches
    is told of the bundles around the SKU too: what they can be put together from has changed.
    """
    before = (await skus.find_skus(conn, [sku.sku_code])).get(sku.sku_code)
    if not await skus.put_sku(conn, sku, catalog_version):
        return False
    await sku_seals.unseal(conn, sku.sku_code, catalog_version)
    if before is not None and before.shelf_life_days_min != sku.shelf_life_days_min:
        await lots.set_shelf_life(conn, sku.sku_code)
    if before is None or (before.active, before.components) != (sku.active, sku.components):
        await events.append(conn, [availability_changed(await sellables.affected(conn, [sku.sku_code]))])
    return True
