"""Resume a held order: it goes on from where its goods are."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import Order, OrderState, resumed_state
from lumbung_fulfillment.domain.packing import PackageState
from lumbung_fulfillment.stores import journal, orders, packages
from lumbung_kit.postgres import Conn


async def resume_order(conn: Conn, order_id: UUID) -> Order:
    """Raises OrderNotFound, OrderWrongState."""
    order = await orders.lock(conn, order_id)
    order.require(OrderState.HELD)
    package = await packages.of_order(conn, order_id)
    is_packed = package is not None and package.state is PackageState.CLOSED
    state = resumed_state(order.lines, is_packed=is_packed)
    await orders.change_state(conn, order_id, state, before=(OrderState.HELD,), reason="")
    await journal.order_resumed(conn, order)
    return await orders.get(conn, order_id)
