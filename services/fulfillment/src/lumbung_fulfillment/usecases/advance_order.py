"""Bring an order to where its picks have brought it: planned, picking, picked, or short and back in the queue."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.picking import LineProgress, OrderStage, order_stage
from lumbung_fulfillment.domain.waves import Wave
from lumbung_fulfillment.stores import journal, orders, tasks
from lumbung_kit.postgres import Conn

_STATES = {
    OrderStage.PLANNED: OrderState.PLANNED,
    OrderStage.PICKING: OrderState.PICKING,
    OrderStage.PICKED: OrderState.PICKED,
    OrderStage.SHORT: OrderState.SHORT,
}
_BEFORE = (OrderState.PLANNED, OrderState.PICKING, OrderState.PICKED)


async def advance_order(conn: Conn, order_id: UUID, wave: Wave) -> None:
    """The wave and the order are locked, and its lines and tasks are saved."""
    order = await orders.get(conn, order_id)
    own_tasks = await tasks.of_order(conn, order_id)
    lines = [LineProgress(line.quantity, line.picked_quantity) for line in order.lines]
    state = _STATES[order_stage(lines, [task.pick for task in own_tasks])]
    if order.state is state:
        return
    tote = next(riding.tote_position for riding in wave.orders if riding.order_id == order_id)
    if not await orders.change_state(conn, order_id, state, before=_BEFORE, place=(wave.wave_id, tote)):
        return
    if state is OrderState.PICKED:
        await journal.order_picked(conn, order, wave.wave_id)
    elif state is OrderState.SHORT:
        await orders.note_short(conn, order_id)
        await journal.order_short(conn, order)
