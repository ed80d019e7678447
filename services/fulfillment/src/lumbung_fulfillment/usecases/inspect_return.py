"""Decide about goods that came back: restock, quarantine or scrap."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from lumbung_fulfillment.domain.bookings import BookingKind, Step
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.returns import Decision, Return, require_decidable
from lumbung_fulfillment.stores import bookings, journal, orders, returns
from lumbung_kit.postgres import Conn


async def inspect_return(
    conn: Conn, return_id: UUID, decisions: Sequence[Decision], request_id: str
) -> Return:
    """The bins of restocked goods are known to exist. Raises ReturnNotFound, InspectionExceedsReturn."""
    order_id = (await returns.get(conn, return_id)).order_id
    order = await orders.lock(conn, order_id)
    received = await returns.lock(conn, return_id)
    require_decidable(received.lines, decisions)
    for place, decision in enumerate(decisions):
        source = f"InspectReturn/{request_id}/{place}"
        booking_id = await bookings.queue(conn, _step(order, decision), source)
        await returns.decide(conn, return_id, decision, booking_id)
    await returns.finish_if_decided(conn, return_id)
    await journal.return_inspected(conn, order, return_id, decisions)
    return await returns.get(conn, return_id)


def _step(order: Order, decision: Decision) -> Step:
    return Step(
        BookingKind.RETURN,
        order.order_id,
        order.reservation_id,
        order.warehouse_code,
        sku_code=decision.sku_code,
        to_bin_code=decision.bin_code,
        quantity=decision.quantity,
        condition=decision.condition,
        reason=decision.note[:200],
    )
