"""Close a parcel into which every item of its order was checked, and which weighs what they weigh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from lumbung_fulfillment.domain.orders import OrderState
from lumbung_fulfillment.domain.packing import Package
from lumbung_fulfillment.domain.weights import SkuSize, contents_of, require_plausible_weight
from lumbung_fulfillment.stores import journal, orders, packages
from lumbung_kit.postgres import Conn


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a packing station says of a parcel's weight, and the catalog of its contents'.

    `weight_g` is 0 when it was not weighed, `packaging_g` when nobody knows. With a reason any weight is accepted.
    """

    weight_g: int
    packaging_g: int
    override_reason: str
    sizes: Mapping[str, SkuSize]


async def close_package(conn: Conn, package_id: UUID, weighing: Weighing) -> Package:
    """Raises PackageNotFound, PackageClosed, PackageIncomplete, OrderWrongState, WeightImplausible."""
    order_id = (await packages.get(conn, package_id)).order_id
    order = await orders.lock(conn, order_id)
    package = await packages.lock(conn, package_id)
    package.require_complete()
    order.require(OrderState.PICKED)
    contents = contents_of(package.items, weighing.sizes)
    if weighing.weight_g and not weighing.override_reason:
        require_plausible_weight(weighing.weight_g, contents, weighing.packaging_g)
    await packages.close(
        conn,
        package_id,
        weight_g=weighing.weight_g,
        contents_weight_g=contents.weight_g if weighing.weight_g and contents.is_whole else None,
        packaging_weight_g=weighing.packaging_g,
        override_reason=weighing.override_reason,
    )
    await orders.change_state(conn, order_id, OrderState.PACKED, before=[OrderState.PICKED])
    await journal.order_packed(conn, order, package_id)
    return await packages.get(conn, package_id)
