"""Hold an order: it stops where it stands until somebody resumes it."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import HOLDABLE, Order, OrderState
from lumbung_fulfillment.stores import journal, orders, tasks
from lumbung_fulfillment.usecases.lock_order import lock_order
from lumbung_fulfillment.usecases.settle_wave import settle_wave
from lumbung_kit.postgres import Conn


async def hold_order(conn: Conn, order_id: UUID, reason: str) -> Order:
    """What it has in its tote stays there. Raises OrderNotFound, OrderWrongState."""
    order, wave = await lock_order(conn, order_id)
    order.require(*HOLDABLE)
    await tasks.cancel_open_of_order(conn, order_id)
    await orders.change_state(conn, order_id, OrderState.HELD, before=HOLDABLE, reason=reason)
    await journal.order_held(conn, order, reason)
    if wave is not None:
        await settle_wave(conn, wave)
    return await orders.get(conn, order_id)
