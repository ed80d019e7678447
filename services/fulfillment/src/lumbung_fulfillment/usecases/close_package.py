"""Close a parcel into which every item of its order was checked."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.packing import Package
from lumbung_fulfillment.stores import journal, orders, packages
from lumbung_kit.postgres import Conn


async def close_package(conn: Conn, package_id: UUID, weight_g: int) -> Package:
    """Raises PackageNotFound, PackageClosed, PackageIncomplete."""
    order_id = (await packages.get(conn, package_id)).order_id
    order = await orders.lock(conn, order_id)
    package = await packages.lock(conn, package_id)
    package.require_complete()
    order.require(OrderState.PICKED)
    await packages.close(conn, package_id, weight_g)
    await orders.change_state(conn, order_id, OrderState.PACKED, before=[OrderState.PICKED])
    await journal.order_packed(conn, order, package_id)
    return await packages.get(conn, package_id)
