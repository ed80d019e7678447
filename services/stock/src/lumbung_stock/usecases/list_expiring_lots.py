"""List lots that expire soon in a warehouse, or have."""

from __future__ import annotations

from datetime import date

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.lots import ExpiringLot
from lumbung_stock.stores import lots
from lumbung_stock.stores.warehouses import find_warehouse


async def list_expiring_lots(
    conn: Conn, warehouse_code: str, within_days: int, *, after: tuple[date, str, str], limit: int
) -> list[ExpiringLot]:
    """The first to expire first, behind (last day of sale, SKU, lot). Raises WarehouseNotFound."""
    await find_warehouse(conn, warehouse_code)
    return await lots.list_expiring(conn, warehouse_code, within_days, after=after, limit=limit)
