"""Expect goods that a buyer or a channel says are coming back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.returns import Return, ReturnReason, require_returnable
from lumbung_fulfillment.stores import orders, returns
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn


async def expect_return(conn: Conn, order_id: UUID, lines: Mapping[str, int], reason: ReturnReason) -> Return:
    """What was announced before and has not come counts as gone. Raises OrderNotFound, OrderWrongState,
    ReturnExceedsOrder.
    """
    order = await orders.lock(conn, order_id)
    order.require(OrderState.SHIPPED)
    spoken_for = Counter(await returns.returned_of_order(conn, order_id))
    spoken_for.update(await returns.expected_of_order(conn, order_id))
    require_returnable(await orders.shipped_quantities(conn, order_id), spoken_for, lines)
    return_id = new_id()
    await returns.expect(conn, return_id, order, lines, reason)
    return await returns.get(conn, return_id)
