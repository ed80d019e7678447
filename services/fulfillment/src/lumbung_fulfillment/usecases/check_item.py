"""Check an item, or a carton of them, into a parcel."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumbung_fulfillment.clients.catalog import ScannedItem
from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.packing import Package
from lumbung_fulfillment.stores import orders, packages
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class ItemChecked:
    """The parcel as it stands."""

    package: Package
    units: int


async def check_item(conn: Conn, package_id: UUID, item: ScannedItem, scans: int) -> ItemChecked:
    """Raises PackageNotFound, PackageClosed, OrderWrongState, WrongItem, TooMany."""
    order_id = (await packages.get(conn, package_id)).order_id
    order = await orders.lock(conn, order_id)
    package = await packages.lock(conn, package_id)
    package.require_open()
    order.require(OrderState.PICKED)
    units = item.base_quantity * scans
    await packages.save_checked(conn, package_id, item.sku_code, package.checked(item.sku_code, units))
    return ItemChecked(await packages.get(conn, package_id), units)
