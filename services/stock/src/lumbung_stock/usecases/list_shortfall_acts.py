"""List what was done about shortfalls, and by whom."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.shortfalls import Act, ActFilter
from lumbung_stock.stores import shortfalls
from lumbung_stock.stores.warehouses import find_warehouse


async def list_shortfall_acts(conn: Conn, some: ActFilter, *, after: int, limit: int) -> list[Act]:
    """Oldest first, behind an act. Raises WarehouseNotFound."""
    if some.warehouse_code:
        await find_warehouse(conn, some.warehouse_code)
    return await shortfalls.list_acts(conn, some, after=after, limit=limit)
