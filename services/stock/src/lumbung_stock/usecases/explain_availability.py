"""Explain availability: the whole tree behind a figure, at one instant."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.availability import Availability, ComponentShare, EscrowShare
from lumbung_stock.domain.inventory_failures import SkuNotFound
from lumbung_stock.domain.places import PlaceQuantity
from lumbung_stock.stores import availability, places, warehouses
from lumbung_stock.stores.audit import read_one_snapshot


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure, its parts per warehouse, and where the units are; of a bundle, its components instead."""

    total: Availability
    warehouses: tuple[Availability, ...]
    places: tuple[PlaceQuantity, ...]
    escrows: tuple[EscrowShare, ...]
    components: tuple[ComponentShare, ...]


async def explain_availability(conn: Conn, sku_code: str) -> Explanation:
    """Reads one snapshot: call it in a transaction of its own. Raises SkuNotFound."""
    await read_one_snapshot(conn)
    total = await _figures(conn, sku_code, "")
    per_warehouse = [
        await _figures(conn, sku_code, code) for code in await warehouses.warehouses_by_priority(conn)
    ]
    return Explanation(
        total=total,
        warehouses=tuple(per_warehouse),
        places=tuple(await places.places_of_sku(conn, sku_code)),
        escrows=tuple(await availability.escrow_shares(conn, sku_code)),
        components=tuple(await availability.component_shares(conn, sku_code)),
    )


async def _figures(conn: Conn, sku_code: str, warehouse_code: str) -> Availability:
    found = await availability.read_figures(conn, [sku_code], warehouse_code=warehouse_code)
    if sku_code not in found:
        raise SkuNotFound(f"Stock has never heard of SKU {sku_code}.", metadata={"sku_code": sku_code})
    return found[sku_code]
