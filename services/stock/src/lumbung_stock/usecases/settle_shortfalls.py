"""Raise and resolve shortfalls where levels have changed, so that somebody works them off."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lumbung_kit.events import NewEvent
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.levels import Level, LevelKey
from lumbung_stock.stores import shortfalls
from lumbung_stock.wire.inventory_events import shortfall_changed


async def settle_shortfalls(conn: Conn, keys: Collection[LevelKey]) -> list[NewEvent]:
    """Makes the list of shortfalls agree with these levels, which the caller has locked and changed.

    Returns what there is to tell: a shortfall that opened or became worse than ever, and one that is over.
    """
    if not keys:
        return []
    return [shortfall_changed(change) for change in await shortfalls.settle(conn, keys)]


def short_of(levels: Mapping[LevelKey, Level]) -> list[LevelKey]:
    """Those that had a shortfall: whoever takes promises back may have ended it."""
    return [key for key, level in levels.items() if level.shortfall]
