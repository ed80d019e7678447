"""List who changed the replenishment figures of a SKU."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.replenishment import ReplenishmentChange
from lumbung_stock.stores import replenishment
from lumbung_stock.stores.warehouses import find_warehouse


async def list_replenishment_changes(
    conn: Conn, warehouse_code: str, sku_code: str, *, after: int, limit: int
) -> list[ReplenishmentChange]:
    """Oldest first, behind one of them. Raises WarehouseNotFound."""
    await find_warehouse(conn, warehouse_code)
    return await replenishment.list_changes(conn, warehouse_code, sku_code, after=after, limit=limit)
