"""Lock an order and the wave that it rides in.

Locks are always taken in this order, so that nobody waits for somebody who waits for them: session, promise of bins'
units, wave, order, task or parcel.
"""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.waves import Wave, WaveTask
from lumbung_fulfillment.stores import orders, tasks, waves
from lumbung_kit.failures import ConcurrentChange
from lumbung_kit.postgres import Conn

_ATTEMPTS_MAX = 3
_RETRY_AFTER_S = 0.1


async def lock_order(conn: Conn, order_id: UUID) -> tuple[Order, Wave | None]:
    """The order and its wave, as they stand once both are locked. Raises OrderNotFound."""
    for _ in range(_ATTEMPTS_MAX):
        wave_id = (await orders.get(conn, order_id)).wave_id
        wave = await waves.lock(conn, wave_id) if wave_id else None
        order = await orders.lock(conn, order_id)
        if order.wave_id == wave_id:
            return order, wave
    raise ConcurrentChange(retry_after_s=_RETRY_AFTER_S)


async def lock_task(conn: Conn, task_id: UUID) -> tuple[Wave, Order, WaveTask]:
    """A task with its wave and order, all locked. Raises TaskNotFound."""
    found = await tasks.get(conn, task_id)
    wave = await waves.lock(conn, found.wave_id)
    order = await orders.lock(conn, found.order_id)
    return wave, order, await tasks.lock(conn, task_id)
