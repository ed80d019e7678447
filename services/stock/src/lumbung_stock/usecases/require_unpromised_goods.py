"""Refuse movements that would take from a warehouse what is promised there."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Movement
from lumbung_stock.domain.transfers import require_unpromised
from lumbung_stock.stores import levels


async def require_unpromised_goods(conn: Conn, warehouse_code: str, movements: Sequence[Movement]) -> None:
    """Locks the levels, so that what is not promised stays so until the transaction ends. Raises NotEnoughAvailable."""
    keys = sorted({(warehouse_code, movement.sku_code) for movement in movements})
    await levels.ensure_levels(conn, keys)
    locked = await levels.lock_levels(conn, keys)
    require_unpromised({sku_code: level for (_, sku_code), level in locked.items()}, movements)
