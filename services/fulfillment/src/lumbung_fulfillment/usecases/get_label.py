"""Say what to print on a parcel."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from lumbung_fulfillment.domain.labels import sort_code
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.packing import Package
from lumbung_fulfillment.stores import couriers, orders, packages
from lumbung_fulfillment.stores.packages import ToteOnCart
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class Label:
    """A closed parcel with what is printed on it."""

    order: Order
    package: Package
    totes: tuple[ToteOnCart, ...]
    tracking_number: str
    sort_code: str

    @property
    def barcode(self) -> str:
        """What a scanner reads: the courier's number once it is known, the parcel's own id until then."""
        return self.tracking_number or str(self.package.package_id)


async def get_label(conn: Conn, package_id: UUID) -> Label:
    """Raises PackageNotFound, PackageNotClosed."""
    package = await packages.get(conn, package_id)
    package.require_closed()
    order = await orders.get(conn, package.order_id)
    schedule = (await couriers.timetable(conn, [order.warehouse_code])).schedule(
        order.warehouse_code, order.courier_service
    )
    return Label(
        order,
        package,
        tuple(await packages.totes_of_order(conn, order.order_id)),
        await packages.tracking_number(conn, package_id),
        sort_code(order.courier_service, order.pickup_time, schedule.time_zone if schedule else ""),
    )
