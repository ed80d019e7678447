"""List what lies in a warehouse's bins."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import PlaceKey
from lumbung_stock.domain.lots import LotUnits, first_expired_first
from lumbung_stock.domain.places import PlaceStock
from lumbung_stock.stores import lots, places
from lumbung_stock.stores.warehouses import find_warehouse


async def list_bin_stock(
    conn: Conn,
    warehouse_code: str,
    *,
    sku_codes: Sequence[str],
    bin_codes: Sequence[str],
    after: PlaceKey,
    limit: int,
) -> list[tuple[PlaceStock, list[LotUnits]]]:
    """By bin, then SKU, those behind `after`, with their lots; empty filters restrict nothing. Of one instant.

    Raises WarehouseNotFound.
    """
    await find_warehouse(conn, warehouse_code)
    found = await places.list_place_stock(
        conn, warehouse_code, sku_codes=sku_codes, place_codes=bin_codes, after=after, limit=limit
    )
    keys = [(one.place_code, one.sku_code) for one in found if one.has_lots]
    there = await lots.lots_at_places(conn, warehouse_code, keys) if keys else {}
    return [(one, first_expired_first(there.get((one.place_code, one.sku_code), ()))) for one in found]
