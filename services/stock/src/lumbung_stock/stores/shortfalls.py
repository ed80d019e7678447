"""Shortfalls as a person works them off: raised once, resolved once. The figure itself lives in the level."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.levels import LevelKey
from lumbung_stock.domain.shortfalls import Shortfall, ShortfallChange

RESERVATIONS_MAX = 100
"""How many reservations that a shortfall hits are named."""

_SQL = load(__package__, "shortfalls.sql")
_SETTLE, _LIST = _SQL["settle"], _SQL["list"]


async def settle(conn: Conn, keys: Collection[LevelKey]) -> list[ShortfallChange]:
    """Makes the list agree with these levels, which the caller has locked; returns what that changed."""
    ordered = sorted(set(keys))
    cursor = await conn.execute(
        _SETTLE,
        {"warehouse_codes": [key[0] for key in ordered], "sku_codes": [key[1] for key in ordered]},
    )
    return [ShortfallChange(*row) async for row in cursor]


async def list_open(
    conn: Conn, warehouse_code: str, *, after: tuple[datetime, str, str], limit: int
) -> list[Shortfall]:
    """Those that last, oldest first; those behind `after`, which is (time, warehouse, SKU)."""
    cursor = await conn.execute(
        _LIST,
        {
            "warehouse_code": warehouse_code,
            "after_time": after[0],
            "after_warehouse": after[1],
            "after_sku": after[2],
            "limit": limit,
            "reservations_max": RESERVATIONS_MAX,
        },
    )
    return [
        Shortfall(warehouse, sku, missing, raised, tuple(reservations))
        async for warehouse, sku, missing, raised, reservations in cursor
    ]
