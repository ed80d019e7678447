"""Raise and resolve shortfalls where levels have changed, so that somebody works them off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lumbung_kit.events import NewEvent
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.domain.shortfalls import ShortfallChange
from lumbung_stock.stores import shortfalls
from lumbung_stock.wire.inventory_events import backorder_changed, shortfall_changed


async def settle_shortfalls(conn: Conn, keys: Collection[LevelKey]) -> list[NewEvent]:
    """Makes the list of shortfalls agree with these levels, which the caller has locked and changed, and serves what
    waits for them.

    Returns what there is to tell: a shortfall that opened or became worse than ever, and whom it hits; one that is
    over; and what waits no longer.
    """
    if not keys:
        return []
    changes = await _with_hits(conn, await shortfalls.settle(conn, keys))
    served = await shortfalls.serve_waiting(conn, keys)
    return [*map(shortfall_changed, changes), *map(backorder_changed, served)]


def short_of(levels: Mapping[LevelKey, Level]) -> list[LevelKey]:
    """Those that had a shortfall: whoever takes promises back may have ended it."""
    return [key for key, level in levels.items() if level.shortfall]


async def _with_hits(conn: Conn, changes: Sequence[ShortfallChange]) -> list[ShortfallChange]:
    raised = [(change.warehouse_code, change.sku_code) for change in changes if change.missing_quantity]
    if not raised:
        return list(changes)
    hits = await shortfalls.find_hits(conn, raised, limit=shortfalls.RESERVATIONS_MAX)
    return [
        replace(
            change,
            hits=tuple(hit for hit in hits if hit.key == (change.warehouse_code, change.sku_code)),
        )
        for change in changes
    ]
