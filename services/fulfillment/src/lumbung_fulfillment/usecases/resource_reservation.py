"""Follow a sale of which another warehouse gives some goods now: orders shrink, grow, begin or end."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from lumbung_fulfillment.domain.orders import FINAL, ConfirmedReservation, Order, OrderState, parts
from lumbung_fulfillment.stores import journal, orders, packages, shipments, tasks
from lumbung_fulfillment.usecases.accept_reservation import accept_reservation
from lumbung_fulfillment.usecases.advance_order import advance_order
from lumbung_fulfillment.usecases.cancel_order import cancel_order
from lumbung_fulfillment.usecases.lock_order import lock_order
from lumbung_fulfillment.usecases.settle_wave import settle_wave
from lumbung_kit.postgres import Conn

REASON = "another warehouse gives its goods"
"""Why an order ends, or has to be completed again."""
_COLLECTED = (OrderState.PICKED, OrderState.PACKED)


async def resource_reservation(conn: Conn, sale: ConfirmedReservation) -> None:
    """Every order of the sale comes to what its warehouse gives now; a warehouse that is new gets one."""
    wanted = {part.order_id: part.quantities for part in parts(sale.reservation_id, sale.draws)}
    for order_id, _ in await orders.of_reservation(conn, sale.reservation_id):
        if order_id in wanted:
            await _resize(conn, order_id, wanted[order_id])
        else:
            await cancel_order(conn, order_id, REASON)
    await accept_reservation(conn, sale)


async def _resize(conn: Conn, order_id: UUID, quantities: Mapping[str, int]) -> None:
    """What is picked beyond what is needed stays a line: stock refuses to book it, and a person hears of it."""
    order, wave = await lock_order(conn, order_id)
    before = {line.sku_code: line.quantity for line in order.lines}
    changed = {
        sku: quantities.get(sku, 0)
        for sku in sorted({*before, *quantities})
        if before.get(sku, 0) != quantities.get(sku, 0)
    }
    if not changed or order.state in FINAL:
        return
    await tasks.cancel_open_of_skus(conn, order_id, list(changed))
    await orders.set_quantities(conn, order_id, changed)
    if wave is None:
        await _follow(conn, await orders.get(conn, order_id))
        return
    await advance_order(conn, order_id, wave)
    await settle_wave(conn, wave)


async def _follow(conn: Conn, order: Order) -> None:
    """An order that rides in no wave: it has all that it needs now, or no longer."""
    missing = any(line.open_quantity for line in order.lines)
    if order.state is OrderState.SHORT and not missing:
        await orders.change_state(conn, order.order_id, OrderState.PICKED, before=(OrderState.SHORT,))
        await journal.order_picked(conn, order, None)
    if order.state in _COLLECTED and missing:
        await packages.void_of_order(conn, order.order_id)
        await shipments.void_of_order(conn, order.order_id)
        await orders.change_state(conn, order.order_id, OrderState.SHORT, before=_COLLECTED, reason=REASON)
        await journal.order_short(conn, order)
    if order.state is OrderState.HELD and missing:
        await packages.void_of_order(conn, order.order_id)
