"""Make a warehouse."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.inventory_failures import WarehouseExists
from lumbung_stock.domain.places import Warehouse
from lumbung_stock.stores import warehouses


async def create_warehouse(conn: Conn, warehouse: Warehouse) -> None:
    """Writes it down, with an empty ledger. Raises WarehouseExists."""
    if not await warehouses.create_warehouse(conn, warehouse):
        code = warehouse.warehouse_code
        raise WarehouseExists(f"There is a warehouse {code} already.", metadata={"warehouse_code": code})
