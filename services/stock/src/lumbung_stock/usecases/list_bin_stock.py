"""List what lies in a warehouse's bins."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import PlaceKey
from lumbung_stock.domain.places import PlaceStock
from lumbung_stock.stores import places
from lumbung_stock.stores.warehouses import find_warehouse


async def list_bin_stock(
    conn: Conn,
    warehouse_code: str,
    *,
    sku_codes: Sequence[str],
    bin_codes: Sequence[str],
    after: PlaceKey,
    limit: int,
) -> list[PlaceStock]:
    """By bin, then SKU, those behind `after`; empty filters restrict nothing. Raises WarehouseNotFound."""
    await find_warehouse(conn, warehouse_code)
    return await places.list_place_stock(
        conn, warehouse_code, sku_codes=sku_codes, place_codes=bin_codes, after=after, limit=limit
    )
