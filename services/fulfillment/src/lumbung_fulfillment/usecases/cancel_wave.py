"""Take apart a wave that nobody works on; its orders are queued again."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import RIDING, OrderState
from lumbung_fulfillment.domain.waves import Wave, WaveState
from lumbung_fulfillment.stores import journal, orders, tasks, waves
from lumbung_kit.postgres import Conn


async def cancel_wave(conn: Conn, wave_id: UUID, reason: str) -> Wave:
    """Raises WaveNotFound, WaveWrongState. What was picked of a paused wave stays with its orders."""
    wave = await waves.lock(conn, wave_id)
    wave.require(WaveState.PLANNED, WaveState.PAUSED)
    locked = await orders.lock_all(conn, [riding.order_id for riding in wave.orders])
    riding = [order for order in locked if order.wave_id == wave_id and order.state in RIDING]
    await tasks.cancel_open_of_wave(conn, wave_id)
    for order in riding:
        begun = any(line.picked_quantity for line in order.lines)
        state = OrderState.SHORT if begun else OrderState.QUEUED
        await orders.change_state(conn, order.order_id, state, before=RIDING, reason=reason)
    await waves.finish(conn, wave_id, WaveState.CANCELLED)
    await journal.wave_cancelled(conn, wave, [order.order_id for order in riding])
    return await waves.get(conn, wave_id)
