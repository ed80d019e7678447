"""List transfers."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.transfers import Transfer, TransferFilter
from lumbung_stock.stores import transfers
from lumbung_stock.stores.warehouses import find_warehouse


async def list_transfers(conn: Conn, wanted: TransferFilter, *, before: UUID, limit: int) -> list[Transfer]:
    """The newest first, those older than `before`, without lines. Raises WarehouseNotFound."""
    for code in (wanted.from_warehouse_code, wanted.to_warehouse_code):
        if code:
            await find_warehouse(conn, code)
    return await transfers.list_some(conn, wanted, before, limit)
