"""Limits per customer over several pools: who is decided in one pool is being decided in no other (P1 of the limit).

A customer's requests come home to one pool, and its gate counts them. Those that the home could not cover are granted
elsewhere, by a gate that knows nothing of the customer, so here the row of the customer's home is locked as well:
whoever commits for a customer holds that row, and sees what the others have committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSaleState
from lumbung_stock.domain.pools import home_of
from lumbung_stock.domain.settle import CustomerLimits
from lumbung_stock.stores import flash_sales


@dataclass(frozen=True, slots=True)
class Locked:
    """A locked sale or pool, with what its customers have had."""

    state: FlashSaleState
    epoch: int
    limits: CustomerLimits


async def lock_with_customers(conn: Conn, code: str, carts: Sequence[Cart]) -> Locked | None:
    """Locks the pool, and the homes of those who buy a limited SKU; None when there is no such pool."""
    pools, limits = await flash_sales.limited_skus(conn, code)
    customers = {
        cart.customer_reference
        for cart in carts
        if cart.refusal is None and not limits.keys().isdisjoint(cart.demand())
    }
    homes = {pools[home_of(customer, pools)] for customer in customers}
    locked_pools = await flash_sales.lock_sales(conn, sorted(homes | {code}))
    if code not in locked_pools:
        return None
    bought = await flash_sales.bought(conn, pools, sorted(customers), list(limits))
    return Locked(*locked_pools[code], CustomerLimits(limits, bought))
