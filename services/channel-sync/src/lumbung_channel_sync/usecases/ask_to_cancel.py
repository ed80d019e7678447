"""The seller cancels an order: the wish is stored like a delivery, so that it survives a crash, and is worked through
like a cancellation of the channel. Whichever of the two comes first, the order is cancelled once."""

from __future__ import annotations

import asyncio

from lumbung_channel_sync.domain.failures import (
    AlreadyShipped,
    ChannelOrderNotFound,
    OrderInFlight,
    OrderNotCancellable,
    StockUnavailable,
)
from lumbung_channel_sync.domain.orders import ChannelOrder, DeliveryKind, OrderCancelled, OrderState
from lumbung_channel_sync.stores import inbox, orders
from lumbung_channel_sync.stores.inbox import Delivery
from lumbung_channel_sync.stores.orders import OrderKey
from lumbung_kit import telemetry
from lumbung_kit.context import deadline_remaining_s
from lumbung_kit.postgres import Conn, Postgres

WAIT_MAX_S = 8.0
LOOK_S = 0.02
ANSWER_S = 0.5
"""Kept back from the caller's deadline, to answer in time that it is still under way."""


async def ask_to_cancel(conn: Conn, key: OrderKey, reason: str) -> ChannelOrder:
    """Stores the wish; the order as it stands."""
    order = await _existing(conn, key)
    if order.state in (OrderState.REFUSED, OrderState.SHADOWED):
        raise OrderNotCancellable(metadata={"state": order.state.value})
    if order.state is not OrderState.CANCELLED:
        wish = OrderCancelled(key.order_ref, reason, by_seller=True)
        traceparent = telemetry.current_traceparent()
        await inbox.store(conn, [Delivery(key.channel_code, wish, b"", "", traceparent)])
    return order


async def await_cancelled(postgres: Postgres, key: OrderKey) -> ChannelOrder:
    """The cancelled order. Raises AlreadyShipped, or that it is still under way when the time is up."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + min(WAIT_MAX_S, max(0.0, deadline_remaining_s() - ANSWER_S))
    while True:
        async with postgres.connection() as conn:
            order = await _existing(conn, key)
            if order.state is OrderState.CANCELLED:
                return order
            if order.cancel_came_too_late:
                raise AlreadyShipped
            if order.state is OrderState.REFUSED:
                raise OrderNotCancellable(metadata={"state": order.state.value})
            if loop.time() >= give_up_at:
                problem = await inbox.problem_of(
                    conn, key.channel_code, DeliveryKind.CANCELLATION, key.order_ref
                )
                break
        await asyncio.sleep(LOOK_S)
    if problem in ("", "ORDER_IN_FLIGHT"):
        raise OrderInFlight(retry_after_s=1.0)
    raise StockUnavailable(retry_after_s=1.0, metadata={"problem": problem})


async def _existing(conn: Conn, key: OrderKey) -> ChannelOrder:
    order = await orders.get(conn, key)
    if order is None:
        raise ChannelOrderNotFound(metadata=key._asdict())
    return order
