"""Find what should lie elsewhere, and the walking that it would save. Nothing is booked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.contents import Contents
from lumbung_fulfillment.domain.slotting import Slotting, report_slotting
from lumbung_fulfillment.domain.velocity import Velocities, velocities
from lumbung_fulfillment.stores import clock, replenishments, velocity
from lumbung_kit.postgres import Postgres


@dataclass(frozen=True, slots=True)
class SlottingReport:
    """Moves with what they save, and how much is walked."""

    found: Slotting
    paces: Velocities
    recorded_count: int
    waves_per_day: float

    def per_day(self, metres: float) -> float:
        """What the measured walks add up to, in a day of as many as were recorded."""
        if not self.found.measured_count:
            return 0.0
        return metres / self.found.measured_count * self.waves_per_day


async def find_better_places(
    postgres: Postgres, stock: Stock, warehouse_code: str, moves_max: int, weeks: int
) -> SlottingReport:
    """By the picks of the last so many weeks. Raises WarehouseNotFound, LayoutUnusable."""
    floor = await stock.floor(warehouse_code)
    contents = Contents(floor.bins, await stock.contents(warehouse_code))
    async with postgres.connection() as conn:
        now = await clock.now(conn)
        recorded = await velocity.recorded_waves(conn, warehouse_code, now, weeks)
        set_faces = await replenishments.all_faces(conn, warehouse_code)
        paces = velocities(await velocity.histories(conn, warehouse_code, now, weeks), now, weeks)
    found = await asyncio.to_thread(
        report_slotting, floor.layout, contents, recorded.walks, moves_max, set_faces
    )
    return SlottingReport(found, paces, recorded.wave_count, recorded.wave_count / recorded.days)
