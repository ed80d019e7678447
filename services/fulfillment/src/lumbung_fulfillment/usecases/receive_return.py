"""Receive goods that come back, before they are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.returns import Return, ReturnReason, require_returnable
from lumbung_fulfillment.stores import journal, orders, returns
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn


async def receive_return(
    conn: Conn, order_id: UUID, lines: Mapping[str, int], reason: ReturnReason, note: str
) -> Return:
    """What arrives is what was announced first for the order, if anything was: it keeps that id, whatever is in it.

    Raises OrderNotFound, OrderWrongState, ReturnExceedsOrder.
    """
    order = await orders.lock(conn, order_id)
    order.require(OrderState.SHIPPED)
    shipped = await orders.shipped_quantities(conn, order_id)
    require_returnable(shipped, await returns.returned_of_order(conn, order_id), lines)
    return_id = await returns.arrive(conn, order_id) or new_id()
    await returns.insert(conn, return_id, order, lines, reason, note)
    received = await returns.get(conn, return_id)
    await journal.return_received(conn, order, received)
    return received
