"""Verify the ledger: recompute every place and level from it."""

from __future__ import annotations

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.audit import LedgerReport
from lumbung_stock.stores.audit import recompute_ledger
from lumbung_stock.stores.warehouses import find_warehouse


async def verify_ledger(postgres: Postgres, warehouse_code: str) -> LedgerReport:
    """Of one warehouse, or of all when empty. Raises WarehouseNotFound."""
    if warehouse_code:
        async with postgres.connection() as conn:
            await find_warehouse(conn, warehouse_code)
    async with postgres.transaction() as conn:
        return await recompute_ledger(conn, warehouse_code)
