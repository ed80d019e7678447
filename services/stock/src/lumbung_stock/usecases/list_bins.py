"""List a warehouse's bins."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.places import Bin
from lumbung_stock.stores import warehouses


async def list_bins(conn: Conn, warehouse_code: str, *, after_code: str, limit: int) -> list[Bin]:
    """Bins by code, those behind `after_code`. Raises WarehouseNotFound."""
    await warehouses.find_warehouse(conn, warehouse_code)
    return await warehouses.list_bins(conn, warehouse_code, after_code, limit)
