"""List the orders that may miss their courier, with what would help."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lumbung_fulfillment.domain.cutoffs import Risk, at_risk
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.stores import clock, couriers, orders
from lumbung_kit.postgres import Conn

ORDERS_READ_MAX = 5_000


@dataclass(frozen=True, slots=True)
class RiskyOrder:
    """An order and its risk."""

    order: Order
    risk: Risk


async def list_orders_at_risk(
    conn: Conn, warehouse_code: str, slack_below: timedelta, limit: int
) -> tuple[list[RiskyOrder], datetime]:
    """Least slack first, at most `limit`; and when this was true."""
    now = await clock.now(conn)
    open_orders = await orders.unshipped(conn, warehouse_code, ORDERS_READ_MAX)
    timetable = await couriers.timetable(conn, [warehouse_code])
    by_id = {str(order.order_id): order for order in open_orders}
    seen = [
        order.open_order(timetable.schedule(warehouse_code, order.courier_service)) for order in open_orders
    ]
    risks = at_risk(timetable.team(warehouse_code), seen, slack_below, now)
    return [RiskyOrder(by_id[risk.order.order_id], risk) for risk in risks[:limit]], now
