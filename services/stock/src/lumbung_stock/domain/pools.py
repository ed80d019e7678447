"""Pools: how a sale is split, which pool a cart is sent to, and when units must move between pools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, pool_code
from lumbung_stock.domain.resolve import EscrowChange

POOLS_MAX = 64
"""Pools of one sale: combinations of warehouses, times the pools asked for."""

Combination = Mapping[str, str]
"""The warehouse that gives each SKU."""


@dataclass(frozen=True, slots=True)
class Move:
    """Units of one SKU that go from one pool to another."""

    from_pool: str
    to_pool: str
    sku_code: str
    quantity: int

    @property
    def pools(self) -> tuple[str, str]:
        """Both ends."""
        return self.from_pool, self.to_pool


def split(sale: FlashSale) -> FlashSale:
    """The planned sale with its pools; without any when a single one would be all of it."""
    combinations = combinations_of(sale.items)
    pools = [combination for combination in combinations for _ in range(sale.pool_count)]
    if len(pools) == 1:
        return sale
    items: list[list[FlashSaleItem]] = [[] for _ in pools]
    for item in sale.items:
        takers = [index for index, pool in enumerate(pools) if pool[item.sku_code] == item.warehouse_code]
        for index, units in zip(takers, shares(item.quota, len(takers)), strict=True):
            items[index].append(replace(item, quota=units))
    return replace(
        sale,
        pools=tuple(
            replace(
                sale,
                flash_sale_code=pool_code(sale.flash_sale_code, number),
                items=tuple(sorted(each, key=lambda item: item.sku_code)),
                pool_count=1,
                waiting_room=None,
            )
            for number, each in enumerate(items, start=1)
        ),
    )


def combinations_of(items: Sequence[FlashSaleItem]) -> list[Combination]:
    """Which warehouse gives which SKU, once for each warehouse that shares a SKU with another.

    Each combination has every SKU, so that a cart of several finds them together, and takes from its own warehouse
    whatever that has, so that a cart which wants one warehouse finds all that it has together too.
    """
    warehouses: dict[str, list[str]] = {}
    for item in items:
        warehouses.setdefault(item.sku_code, []).append(item.warehouse_code)
    shared = sorted({code for codes in warehouses.values() if len(codes) > 1 for code in codes})
    if not shared:
        return [{sku: codes[0] for sku, codes in warehouses.items()}]
    return [
        {sku: own if own in codes else codes[index % len(codes)] for sku, codes in warehouses.items()}
        for index, own in enumerate(shared)
    ]


def shares(units: int, parts: int) -> list[int]:
    """Units in so many parts, as even as whole units allow."""
    each, rest = divmod(units, parts)
    return [each + (index < rest) for index in range(parts)]


def whole(sale: FlashSale, pools: Sequence[FlashSale]) -> FlashSale:
    """The sale as callers see it: its pools taken together."""
    if not pools:
        return sale
    return replace(
        sale,
        epoch=max(sale.epoch, *(pool.epoch for pool in pools)),
        gate_armed=all(pool.gate_armed for pool in pools),
        items=tuple(_summed(item for pool in pools for item in pool.items)),
        pools=tuple(pools),
        on_postgres_since=min(
            (pool.on_postgres_since for pool in pools if pool.on_postgres_since), default=None
        ),
    )


def home_of(key: str, pools: Sequence[str]) -> int:
    """Which of these pools a key belongs to: the same in every process, for ever."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) % len(pools)


def in_order(sale: FlashSale, cart: Cart) -> list[FlashSale]:
    """The pools that may serve a cart, its home first, the others in a fixed order after it.

    Where a limit counts, a customer's requests all come home to one pool, so that its gate knows of the most of them;
    else requests spread by their ids.
    """
    limited = any(item.limit_per_customer for item in sale.wanted_by(cart))
    key = cart.customer_reference if limited else cart.request_id
    home = home_of(key, [pool.flash_sale_code for pool in sale.pools])
    return [pool for pool in (*sale.pools[home:], *sale.pools[:home]) if _may_serve(pool, cart)]


def gather(pools: Sequence[FlashSale], cart: Cart) -> list[Move]:
    """The fewest units that must move so that one of these pools can serve the cart; none when no move helps.

    Units stay in their warehouse: they move only between pools which take the SKU from the same one.
    """
    return min(
        (moves for target in pools if (moves := _into(target, pools, cart))),
        key=lambda moves: sum(move.quantity for move in moves),
        default=[],
    )


def moved(moves: Iterable[Move]) -> list[EscrowChange]:
    """What moves change at both of their ends."""
    return [
        EscrowChange(pool, move.sku_code, quota=units, remaining=units)
        for move in moves
        for pool, units in ((move.from_pool, -move.quantity), (move.to_pool, move.quantity))
    ]


def _into(target: FlashSale, pools: Sequence[FlashSale], cart: Cart) -> list[Move]:
    moves: list[Move] = []
    demand = cart.demand()
    for item in target.wanted_by(cart):
        missing = demand[item.sku_code] - item.remaining
        for source, has in _sources(target, item, pools):
            if (units := min(missing, has)) > 0:
                moves.append(Move(source, target.flash_sale_code, item.sku_code, units))
                missing -= units
        if missing > 0:
            return []
    return moves


def _sources(target: FlashSale, item: FlashSaleItem, pools: Sequence[FlashSale]) -> list[tuple[str, int]]:
    """Other pools with units of the item, the fullest first: as few pools as can be have to be stopped."""
    found = [
        (pool.flash_sale_code, other.remaining)
        for pool in pools
        if pool is not target
        for other in pool.items
        if (other.sku_code, other.warehouse_code) == (item.sku_code, item.warehouse_code)
    ]
    return sorted(found, key=lambda source: (-source[1], source[0]))


def _may_serve(pool: FlashSale, cart: Cart) -> bool:
    return all(cart.warehouse_code in ("", item.warehouse_code) for item in pool.wanted_by(cart))


def _summed(items: Iterable[FlashSaleItem]) -> list[FlashSaleItem]:
    sums: dict[tuple[str, str], FlashSaleItem] = {}
    for item in items:
        key = (item.sku_code, item.warehouse_code)
        before = sums.get(key)
        sums[key] = (
            item
            if before is None
            else replace(
                before,
                quota=before.quota + item.quota,
                remaining=before.remaining + item.remaining,
                shipped=before.shipped + item.shipped,
                returned=before.returned + item.returned,
            )
        )
    return [sums[key] for key in sorted(sums)]
