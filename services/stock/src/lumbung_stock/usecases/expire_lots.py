"""Expire lots: when a lot's last day is over in a warehouse, its units are no longer available to promise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from lumbung_kit import events
from lumbung_kit.events import EventLog
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.stores import levels, lots, places
from lumbung_stock.stores.leases import Leases
from lumbung_stock.usecases.book_movements import accept_and_tell
from lumbung_stock.wire.inventory_events import lot_expiry_changed

LOTS_BATCH = 100
LEASE = "lots"

_EXPIRED = counter("lumbung_stock_lots_expired", "Times that a lot's last day was over in a warehouse")


@dataclass(frozen=True, slots=True)
class ExpireLots:
    """One round, at one replica. Each lot is marked in a transaction of its own, under the locks of all who could move
    its units, with what that does to its level and to promises: who does it twice finds nothing to do."""

    postgres: Postgres
    leases: Leases
    log: EventLog

    async def __call__(self) -> int:
        """Marks up to LOTS_BATCH lots; returns how many."""
        if not await self.leases.take(LEASE):
            return 0
        async with self.postgres.connection() as conn:
            due = await lots.find_due(conn, LOTS_BATCH)
        marked = 0
        for lot in due:
            marked += await self.postgres.run(partial(_expire, lot))
        if marked:
            self.log.poke()
        return marked


async def _expire(lot: tuple[str, str, str], conn: Conn) -> bool:
    """Marks a lot as the warehouse's calendar says; False when it is so already."""
    warehouse_code, sku_code, lot_code = lot
    key = (warehouse_code, sku_code)
    await levels.ensure_levels(conn, [key])
    await levels.lock_levels(conn, [key])
    await places.lock_places(conn, warehouse_code, await lots.place_keys(conn, warehouse_code, sku_code))
    marked = await lots.mark_lot(conn, warehouse_code, sku_code, lot_code)
    if marked is None:
        return False
    if marked.expired:
        _EXPIRED.inc()
    difference = marked.units if marked.expired else -marked.units
    if difference:
        await accept_and_tell(conn, [LevelChange(*key, expired=difference)])
    await events.append(conn, [lot_expiry_changed(warehouse_code, sku_code, lot_code, marked)])
    return True
