"""List the ledger's entries."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import LedgerEntry
from lumbung_stock.stores import ledger
from lumbung_stock.stores.ledger import EntryFilter
from lumbung_stock.stores.warehouses import find_warehouse


async def list_ledger_entries(
    conn: Conn, wanted: EntryFilter, *, beyond: int, limit: int, newest_first: bool = False
) -> list[LedgerEntry]:
    """By sequence, those behind `beyond`; or the newest first, those before it. Raises WarehouseNotFound."""
    await find_warehouse(conn, wanted.warehouse_code)
    return await ledger.list_entries(conn, wanted, beyond=beyond, limit=limit, newest_first=newest_first)
