"""List goods that wait at a place: in receiving for their putaway, in quarantine for their inspection."""

from __future__ import annotations

from datetime import datetime

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.waiting_goods import WaitingGoods
from lumbung_stock.stores import waiting_goods
from lumbung_stock.stores.warehouses import find_warehouse


async def list_waiting(
    conn: Conn, warehouse_code: str, place_code: str, *, after: tuple[datetime, str], limit: int
) -> list[WaitingGoods]:
    """The longest waiting first, those behind `after`, which is (since, SKU). Raises WarehouseNotFound."""
    await find_warehouse(conn, warehouse_code)
    return await waiting_goods.list_waiting(conn, warehouse_code, place_code, after=after, limit=limit)
