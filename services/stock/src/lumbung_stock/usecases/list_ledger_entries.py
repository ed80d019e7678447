"""List the ledger's entries."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import LedgerEntry
from lumbung_stock.stores import ledger
from lumbung_stock.stores.warehouses import find_warehouse


async def list_ledger_entries(
    conn: Conn, warehouse_code: str, *, sku_code: str, document: str, after_sequence: int, limit: int
) -> list[LedgerEntry]:
    """By sequence, those behind `after_sequence`; empty filters restrict nothing.

    A document is a number that was given with a movement, or a reservation's id. Raises WarehouseNotFound.
    """
    await find_warehouse(conn, warehouse_code)
    return await ledger.list_entries(
        conn,
        warehouse_code,
        sku_code=sku_code,
        document=document,
        reservation_id=_reservation_of(document),
        after_sequence=after_sequence,
        limit=limit,
    )


def _reservation_of(document: str) -> UUID | None:
    try:
        return UUID(document)
    except ValueError:
        return None
