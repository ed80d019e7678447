"""A sale without its gate, decided over its pools together: whole carts, no refusal while there is a way (P1, P5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lumbung_stock.domain.allocate import Allocator
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.pools import Move, in_order, split
from lumbung_stock.domain.reservations import Durability, Refusal
from lumbung_stock.domain.settle import CustomerLimits
from lumbung_stock.domain.without_gate import (
    PoolIsShortError,
    ServedElsewhereError,
    Wish,
    WithoutGate,
    escrows_of,
)

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart, MakeSale

USED = Refusal("REQUEST_ID_REUSED", "")


def sale_in_pools(make_sale: MakeSale, units: int) -> FlashSale:
    """A sale of A in three pools, whose units are all free."""
    sale = make_sale("SALE", {"A": units}, pool_count=3)
    pools = tuple(
        replace(pool, items=tuple(replace(item, remaining=item.quota) for item in pool.items))
        for pool in split(sale).pools
    )
    return replace(sale, pools=pools)


def without_gate(sale: FlashSale, served: Collection[str]) -> WithoutGate:
    """The sale, of which Postgres serves these pools."""
    items = {
        (pool.flash_sale_code, item.sku_code): item
        for pool in sale.gated
        for item in pool.items
        if pool.flash_sale_code in served
    }
    return WithoutGate(sale, escrows_of(served, items), Allocator({}, []), CustomerLimits({}, {}))


def all_of(sale: FlashSale) -> list[str]:
    """Its pools' codes."""
    return [pool.flash_sale_code for pool in sale.gated]


def decided(made: tuple[Cart, object]) -> tuple[str, bool]:
    """In which pool, and whether it is held."""
    cart, decision = made
    return cart.flash_sale_code, not isinstance(decision, Refusal)


def test_units_that_lie_apart_are_brought_together(make_sale: MakeSale, make_cart: MakeCart) -> None:
    sale = sale_in_pools(make_sale, 3)
    deciding = without_gate(sale, all_of(sale))
    code, held = decided(deciding.decide(Wish(make_cart({"A": 3}))))
    assert held
    assert sorted(deciding.moves, key=lambda move: move.from_pool) == [
        Move(other, code, "A", 1) for other in all_of(sale) if other != code
    ]
    assert not decided(deciding.decide(Wish(make_cart({"A": 1}))))[1]


def test_the_home_has_the_last_word(make_sale: MakeSale, make_cart: MakeCart) -> None:
    sale = sale_in_pools(make_sale, 3)
    deciding = without_gate(sale, all_of(sale))
    cart = make_cart({"A": 4})
    home = in_order(sale, cart)[0].flash_sale_code
    assert decided(deciding.decide(Wish(cart))) == (home, False)
    assert decided(deciding.decide(Wish(replace(cart, refusal=USED)))) == (home, False)
    with pytest.raises(PoolIsShortError):
        deciding.decide(Wish(cart, last_word=False))
    assert deciding.moves == []


def test_a_home_that_is_served_elsewhere_has_it_there(make_sale: MakeSale, make_cart: MakeCart) -> None:
    sale = sale_in_pools(make_sale, 3)
    cart = make_cart({"A": 1})
    home, other, _ = [pool.flash_sale_code for pool in in_order(sale, cart)]
    deciding = without_gate(sale, [other])
    with pytest.raises(ServedElsewhereError):
        deciding.decide(Wish(cart))
    assert decided(deciding.decide(Wish(cart, last_word=False))) == (other, True)
    with pytest.raises(ServedElsewhereError):
        without_gate(sale, []).decide(Wish(cart, last_word=False))
    assert home not in deciding.escrows


def test_what_may_be_soft_is_durable(make_sale: MakeSale, make_cart: MakeCart) -> None:
    sale = make_sale("SALE", {"A": 1})
    soft = replace(make_cart({"A": 1}), durability=Durability.SOFT)
    cart, decision = without_gate(sale, ["SALE"]).decide(Wish(soft))
    assert cart == replace(soft, durability=Durability.DURABLE, flash_sale_code="SALE")
    assert not isinstance(decision, Refusal)
