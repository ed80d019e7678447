"""Expire lots: when a lot's last day is over in a warehouse, its units are no longer available to promise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.stores import lots
from lumbung_stock.stores.leases import Leases
from lumbung_stock.usecases.mark_lots import lock_goods_of, mark_lots

LOTS_BATCH = 100
LEASE = "lots"


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
    await lock_goods_of(conn, sku_code, [warehouse_code])
    return bool(await mark_lots(conn, (sku_code, lot_code), [warehouse_code]))
