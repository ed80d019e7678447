"""List expected receipts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.expected_receipts import ExpectedReceipt, ExpectedReceiptFilter
from lumbung_stock.stores import expected_receipts
from lumbung_stock.stores.warehouses import find_warehouse


async def list_expected_receipts(
    conn: Conn, wanted: ExpectedReceiptFilter, *, after: tuple[datetime | str, UUID], limit: int
) -> list[ExpectedReceipt]:
    """By expected time, those behind `after`, without lines. Raises WarehouseNotFound."""
    if wanted.warehouse_code:
        await find_warehouse(conn, wanted.warehouse_code)
    return await expected_receipts.list_some(conn, wanted, after, limit)
