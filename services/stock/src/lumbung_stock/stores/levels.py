"""Level rows: locked in one order, changed by differences. The bound itself is a CHECK of the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.rows import class_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.levels import Level, LevelChange, LevelKey, merge
from lumbung_stock.stores.sku_seals import first_uses

_SQL = load(__package__, "levels.sql")


async def ensure_levels(conn: Conn, keys: Iterable[LevelKey]) -> None:
    """Makes the rows that are not there yet. Raises SkuSealed."""
    with first_uses():
        await conn.execute(_SQL["ensure_levels"], _key_arrays(keys))


async def lock_levels(conn: Conn, keys: Iterable[LevelKey]) -> dict[LevelKey, Level]:
    """Locks the rows until the transaction ends. A key without a row is absent: nothing was ever there."""
    async with conn.cursor(row_factory=class_row(Level)) as cursor:
        await cursor.execute(_SQL["lock_levels"], _key_arrays(keys))
        return {level.key: level async for level in cursor}


async def change_levels(conn: Conn, changes: Sequence[LevelChange]) -> None:
    """Books promises, and goods that come in. The rows must be locked by the caller."""
    if merged := merge(list(changes)):
        await conn.execute(_SQL["change_levels"], _change_arrays(merged))


async def accept_reality(conn: Conn, changes: Sequence[LevelChange]) -> list[Level]:
    """Books goods that are not there after all; returns the changed levels, whose `shortfall` says what it hit."""
    merged = merge(list(changes))
    if not merged:
        return []
    async with conn.cursor(row_factory=class_row(Level)) as cursor:
        await cursor.execute(_SQL["accept_reality"], _change_arrays(merged))
        return await cursor.fetchall()


def _key_arrays(keys: Iterable[LevelKey]) -> dict[str, Any]:
    ordered = sorted(set(keys))
    return {"warehouse_codes": [key[0] for key in ordered], "sku_codes": [key[1] for key in ordered]}


def _change_arrays(changes: Sequence[LevelChange]) -> dict[str, Any]:
    return {
        "warehouse_codes": [change.warehouse_code for change in changes],
        "sku_codes": [change.sku_code for change in changes],
        "on_hand": [change.on_hand for change in changes],
        "held": [change.held for change in changes],
        "sold": [change.sold for change in changes],
        "escrow": [change.escrow for change in changes],
        "expired": [change.expired for change in changes],
    }
