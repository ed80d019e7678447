"""List whom the shortfalls hit, what waits, and when it may come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.shortfalls import HitFilter, ListedHit, expected_time
from lumbung_stock.stores import shortfalls
from lumbung_stock.stores.warehouses import find_warehouse

HitKey = tuple[datetime, str, str, datetime, UUID]
"""(raise time, warehouse, SKU) of the shortfall, (time, reservation) of the promise."""

FIRST: HitKey = (
    datetime.min.replace(tzinfo=UTC),
    "",
    "",
    datetime.min.replace(tzinfo=UTC),
    UUID(int=0),
)
"""Before all of them."""


async def list_shortfall_hits(conn: Conn, some: HitFilter, *, after: HitKey, limit: int) -> list[ListedHit]:
    """The oldest shortfall first, in it the youngest promise; behind `after`. Raises WarehouseNotFound."""
    if some.warehouse_code:
        await find_warehouse(conn, some.warehouse_code)
    found = await shortfalls.list_hits(conn, some, after=after, limit=limit)
    coming = await shortfalls.arrivals(conn, {each.hit.key for each in found})
    return [
        replace(each, expected_time=expected_time(each.hit, coming.get(each.hit.key, ()))) for each in found
    ]
