"""List how long suppliers take."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.suggestions import LeadTime
from lumbung_stock.stores import replenishment
from lumbung_stock.stores.warehouses import find_warehouse


async def list_lead_times(
    conn: Conn, warehouse_code: str, sku_code: str, *, after: tuple[str, int, str], limit: int
) -> list[LeadTime]:
    """By SKU, then priority, behind `after`: (SKU, priority, supplier). Raises WarehouseNotFound."""
    await find_warehouse(conn, warehouse_code)
    return await replenishment.list_lead_times(conn, warehouse_code, sku_code, after=after, limit=limit)
