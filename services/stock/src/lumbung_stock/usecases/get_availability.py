"""Get availability: how many of some SKUs can be promised, at one instant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lumbung_kit.events import EventLog
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.availability import Availability
from lumbung_stock.stores.availability import read_figures
from lumbung_stock.stores.warehouses import find_warehouse


@dataclass(frozen=True, slots=True)
class GetAvailability:
    """Reads figures, and how far the event log was before they were read."""

    postgres: Postgres
    log: EventLog

    async def __call__(
        self, sku_codes: Collection[str], *, warehouse_code: str, channel_code: str
    ) -> dict[str, Availability]:
        """Figures by SKU; unknown SKUs are absent. Raises WarehouseNotFound."""
        async with self.postgres.connection() as conn:
            if warehouse_code:
                await find_warehouse(conn, warehouse_code)
            return await read_figures(
                conn, sku_codes, warehouse_code=warehouse_code, channel_code=channel_code
            )

    async def with_position(
        self, sku_codes: Collection[str], *, warehouse_code: str, channel_code: str
    ) -> tuple[dict[str, Availability], int]:
        """The same, and a position of the event log before which every change is in the figures.

        The position is read first: an event in the log was committed before it came there.
        """
        position = await self.log.head()
        figures = await self(sku_codes, warehouse_code=warehouse_code, channel_code=channel_code)
        return figures, position
