"""List where reality has fallen below what was promised."""

from __future__ import annotations

from datetime import datetime

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.shortfalls import Shortfall
from lumbung_stock.stores import shortfalls
from lumbung_stock.stores.warehouses import find_warehouse


async def list_shortfalls(
    conn: Conn, warehouse_code: str, *, after: tuple[datetime, str, str], limit: int
) -> list[Shortfall]:
    """Those that last, oldest first, behind `after`: (time, warehouse, SKU). Raises WarehouseNotFound."""
    if warehouse_code:
        await find_warehouse(conn, warehouse_code)
    return await shortfalls.list_open(conn, warehouse_code, after=after, limit=limit)
