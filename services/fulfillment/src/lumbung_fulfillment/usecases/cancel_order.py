"""Cancel an order at any stage before it ships: what is open is dropped, what was picked has to be put back."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from lumbung_fulfillment.domain.orders import FINAL, Order, OrderState
from lumbung_fulfillment.stores import journal, orders, packages, put_backs, scans, shipments, tasks
from lumbung_fulfillment.usecases.lock_order import lock_order
from lumbung_fulfillment.usecases.settle_wave import settle_wave
from lumbung_kit import logs
from lumbung_kit.postgres import Conn

_CANCELLABLE = tuple(state for state in OrderState if state not in FINAL)
_log = logs.get_logger(__name__)


async def cancel_reservation(conn: Conn, reservation_id: UUID, reason: str) -> None:
    """Cancels every order of a reservation that stock has cancelled."""
    for order_id, _ in await orders.of_reservation(conn, reservation_id):
        await cancel_order(conn, order_id, reason)


async def cancel_order(conn: Conn, order_id: UUID, reason: str) -> bool:
    """Whether it was this call that cancelled it."""
    order, wave = await lock_order(conn, order_id)
    if order.state is OrderState.SHIPPED:
        _log.error("stock cancelled an order that has shipped", order_id=str(order_id))
    if order.state in FINAL:
        return False
    await tasks.cancel_open_of_order(conn, order_id)
    await packages.void_of_order(conn, order_id)
    await shipments.void_of_order(conn, order_id)
    await orders.change_state(
        conn, order_id, OrderState.CANCELLED, before=_CANCELLABLE, reason=reason or "cancelled"
    )
    await journal.order_cancelled(conn, order, reason, await _raise_put_backs(conn, order))
    if wave is not None:
        await settle_wave(conn, wave)
    return True


async def _raise_put_backs(conn: Conn, order: Order) -> Counter[str]:
    """What has to go back, by SKU; a task for each bin that it came from."""
    units: Counter[str] = Counter()
    for goods in await scans.picked_of_order(conn, order.order_id):
        await put_backs.insert(conn, order, goods)
        units[goods.sku_code] += goods.quantity
    return units
