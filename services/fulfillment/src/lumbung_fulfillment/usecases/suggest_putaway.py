"""Suggest bins for received goods. Nothing is booked, and nothing reserved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_fulfillment.clients.catalog import Catalog
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.contents import Contents
from lumbung_fulfillment.domain.moves import Move
from lumbung_fulfillment.domain.putaway import Received, suggest_putaway
from lumbung_fulfillment.domain.velocity import WEEKS_DEFAULT, Velocities, velocities
from lumbung_fulfillment.stores import clock, replenishments, velocity
from lumbung_kit.postgres import Postgres


@dataclass(frozen=True, slots=True)
class SlottingSources:
    """Whom to ask about goods, places and picks."""

    postgres: Postgres
    stock: Stock
    catalog: Catalog


async def suggest_bins(
    sources: SlottingSources, warehouse_code: str, goods: Sequence[Received]
) -> tuple[list[Move], Velocities]:
    """Moves in the order of the goods. Raises WarehouseNotFound, LayoutUnusable, SkuNotFound, SkuIsBundle."""
    floor = await sources.stock.floor(warehouse_code)
    known_fast = await sources.catalog.fast_movers([each.sku_code for each in goods])
    contents = Contents(floor.bins, await sources.stock.contents(warehouse_code))
    async with sources.postgres.connection() as conn:
        now = await clock.now(conn)
        set_faces = await replenishments.all_faces(conn, warehouse_code)
        picked = await velocity.histories(conn, warehouse_code, now, WEEKS_DEFAULT)
    paces = velocities(picked, now, WEEKS_DEFAULT, known_fast)
    moves = await asyncio.to_thread(suggest_putaway, floor.layout, contents, paces, goods, set_faces)
    return moves, paces
