"""Find the pick faces that run dry, and the bulk bins to fill them from.

Nothing is stored: what is to be done follows each time from what lies where and what is known to be taken. Only what
somebody carries has a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lumbung_fulfillment.clients.stock import Floor, Stock
from lumbung_fulfillment.domain.contents import Lying
from lumbung_fulfillment.domain.moves import Move
from lumbung_fulfillment.domain.replenishment import (
    FaceView,
    Place,
    Replenishment,
    ReplenishmentState,
    find_replenishments,
)
from lumbung_fulfillment.domain.velocity import WEEKS_DEFAULT, Velocities, velocities
from lumbung_fulfillment.stores import clock, replenishments, velocity, waves
from lumbung_fulfillment.stores.waves import PromiseTurn
from lumbung_kit.postgres import Conn, Postgres


@dataclass(frozen=True, slots=True)
class FacesSight:
    """What is to be carried and what is carried, as of a turn to promise units."""

    turn: PromiseTurn
    moves: tuple[Move, ...]
    live: tuple[Replenishment, ...]
    paces: Velocities


async def look_at_faces(postgres: Postgres, stock: Stock, warehouse_code: str) -> FacesSight:
    """Asks stock, and judges every face. Raises WarehouseNotFound, LayoutUnusable."""
    async with postgres.connection() as conn:
        turn = await waves.read_promise(conn, warehouse_code)
    floor = await stock.floor(warehouse_code)
    lying = await stock.contents(warehouse_code)
    async with postgres.connection() as conn:
        live = await replenishments.live(conn, warehouse_code, turn.read_time)
        view = await _view(conn, floor, lying, live, turn.read_time)
    moves = await asyncio.to_thread(find_replenishments, view)
    carried = tuple(each for each in live if each.state is ReplenishmentState.CLAIMED)
    return FacesSight(turn, tuple(moves), carried, view.velocities)


async def _view(
    conn: Conn, floor: Floor, lying: Sequence[Lying], live: Sequence[Replenishment], read_time: datetime
) -> FaceView:
    """Only SKUs that bulk has can be carried from there."""
    code = floor.warehouse_code
    reserve = {place.code for place in floor.bins.values() if place.is_reserve}
    sku_codes = sorted({each.sku_code for each in lying if each.bin_code in reserve})
    now = await clock.now(conn)
    histories = await velocity.histories(conn, code, now, WEEKS_DEFAULT)
    taken = await waves.promised(conn, code, sku_codes, read_time)
    face_codes = [place for place in floor.bins if place not in reserve]
    return FaceView(
        layout=floor.layout,
        bins=floor.bins,
        lying=lying,
        velocities=velocities(histories, now, WEEKS_DEFAULT),
        now=now,
        set_faces=await replenishments.faces(conn, code, sku_codes),
        last_picked=await replenishments.last_picked(conn, code, sku_codes, face_codes),
        demands=await replenishments.demands(conn, code, sku_codes),
        spoken_for={(each.bin_code, each.sku_code): each.quantity for each in taken},
        carried=_carried(live),
        doubted=frozenset(await waves.doubted(conn, code, sku_codes)),
    )


def _carried(live: Sequence[Replenishment]) -> dict[Place, int]:
    """Units on their way to faces."""
    carried: dict[Place, int] = {}
    for each in live:
        place = (each.to_bin_code, each.sku_code)
        carried[place] = carried.get(place, 0) + (each.moved_quantity or each.quantity)
    return carried
