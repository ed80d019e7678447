"""Tell of reorder points that were crossed: each crossing becomes one event."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_kit import events
from lumbung_kit.events import EventLog
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.stores.replenishment import take_crossings
from lumbung_stock.wire.inventory_events import reorder_point_crossed

CROSSINGS_BATCH = 500

_CROSSED = counter("lumbung_stock_reorder_points_crossed", "Times that available fell to a reorder point")


@dataclass(frozen=True, slots=True)
class TellReorderPoints:
    """One round. The crossing was noted in the transaction that moved the level; it leaves the list in the
    transaction that writes its event, so whatever crashes between tells nothing twice and loses nothing."""

    postgres: Postgres
    log: EventLog

    async def __call__(self) -> int:
        """Tells of up to CROSSINGS_BATCH crossings; returns of how many."""
        told = await self.postgres.run(_tell)
        if told:
            _CROSSED.inc(told)
            self.log.poke()
        return told


async def _tell(conn: Conn) -> int:
    crossings = await take_crossings(conn, CROSSINGS_BATCH)
    await events.append(conn, list(map(reorder_point_crossed, crossings)))
    return len(crossings)
