"""Begin a parcel for a picked order."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.packing import Package, PackageState
from lumbung_fulfillment.stores import orders, packages
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn


async def start_package(conn: Conn, order_id: UUID, station_code: str) -> Package:
    """The same parcel again while it is open. Raises OrderNotFound, OrderWrongState."""
    order = await orders.lock(conn, order_id)
    order.require(OrderState.PICKED)
    known = await packages.of_order(conn, order_id)
    if known is not None and known.state is PackageState.OPEN:
        return known
    package_id = new_id()
    await packages.insert(conn, package_id, order_id, station_code)
    return await packages.get(conn, package_id)
