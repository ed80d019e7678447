"""Explain availability: the whole tree behind a figure, at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.availability import Availability, ComponentShare, EscrowShare
from lumbung_stock.domain.explanation import Books, Kind, Node, beside, room_for, tree_of
from lumbung_stock.domain.inventory_failures import SkuNotFound
from lumbung_stock.domain.places import PlaceQuantity
from lumbung_stock.stores import availability, places, skus, warehouses
from lumbung_stock.stores.audit import read_one_snapshot

PLACES_MAX = 500


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure, its parts per warehouse, and where the units are; of a bundle, its components instead.

    `tree` is all of it, down to the place; `quarantine` and `shortfall` are what it does not count.
    """

    total: Availability
    warehouses: tuple[Availability, ...]
    places: tuple[PlaceQuantity, ...]
    escrows: tuple[EscrowShare, ...]
    components: tuple[ComponentShare, ...]
    tree: Node
    quarantine: Node
    shortfall: Node


async def explain_availability(conn: Conn, sku_code: str, *, children_max: int) -> Explanation:
    """Reads one snapshot: call it in a transaction of its own. Raises SkuNotFound."""
    await read_one_snapshot(conn)
    total = await _figures(conn, sku_code, "")
    by_priority = await warehouses.warehouses_by_priority(conn)
    record = (await skus.find_skus(conn, [sku_code]))[sku_code]
    draws = record.components if record.is_bundle else ((sku_code, 1),)
    room = room_for(len(draws), len(by_priority), children_max)
    books = await availability.read_books(
        conn, by_priority, [sku for sku, _ in draws], places_max=room.places
    )
    return Explanation(
        total=total,
        warehouses=tuple([await _figures(conn, sku_code, code) for code in by_priority]),
        places=tuple(await places.places_of_sku(conn, sku_code, PLACES_MAX)),
        escrows=tuple((await availability.escrow_shares(conn, [sku_code])).get(sku_code, ())),
        components=tuple(await availability.component_shares(conn, sku_code)),
        tree=tree_of(sku_code, draws, books, room, is_bundle=record.is_bundle, active=record.active),
        quarantine=beside(Kind.QUARANTINE, books.quarantine, children_max),
        shortfall=beside(Kind.SHORTFALL, _short(books), children_max),
    )


def _short(books: Books) -> Mapping[tuple[str, str], int]:
    return {key: level.shortfall for key, level in books.levels.items()}


async def _figures(conn: Conn, sku_code: str, warehouse_code: str) -> Availability:
    found = await availability.read_figures(conn, [sku_code], warehouse_code=warehouse_code)
    if sku_code not in found:
        raise SkuNotFound(f"Stock has never heard of SKU {sku_code}.", metadata={"sku_code": sku_code})
    return found[sku_code]
