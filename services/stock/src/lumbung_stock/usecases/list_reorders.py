"""List what is at or below its reorder point, with all that is ordered."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.replenishment import Reorder
from lumbung_stock.stores import replenishment
from lumbung_stock.stores.warehouses import find_warehouse


async def list_reorders(
    conn: Conn, warehouse_code: str, *, after: tuple[int, str, str], limit: int
) -> list[Reorder]:
    """Most urgent first, behind `after`: (urgency, warehouse, SKU). Raises WarehouseNotFound."""
    if warehouse_code:
        await find_warehouse(conn, warehouse_code)
    return await replenishment.list_due(conn, warehouse_code, after=after, limit=limit)
