"""Who gets a unit of a sale while Valkey is away: decided over all the pools that Postgres serves together (P1, P5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from lumbung_stock.domain.allocate import Allocator, Decision
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem
from lumbung_stock.domain.pools import Move, gather, in_order
from lumbung_stock.domain.reservations import Durability
from lumbung_stock.domain.settle import CustomerLimits, Escrow, settle


@dataclass(frozen=True, slots=True)
class Wish:
    """A cart on a sale without its gate. Without `last_word`, pools that have their gates may serve it yet: then a want
    of units is no answer, and leaves no trace."""

    cart: Cart
    last_word: bool = True


class ServedElsewhereError(Exception):
    """Whoever was asked does not serve the sale now: its gate does, or Postgres does. Look again, and ask the other."""


class PoolIsShortError(Exception):
    """There are too few units here; nothing was decided, and another pool may be asked."""


Undecided: TypeAlias = "PoolIsShortError | ServedElsewhereError"


@dataclass(slots=True)
class WithoutGate:
    """The escrows of a sale while a batch is decided. `served` are those of its pools that Postgres serves, or the sale
    itself; `moves` is what the decisions have moved between them."""

    sale: FlashSale
    escrows: Mapping[str, Escrow]
    ordinary: Allocator
    limits: CustomerLimits
    moves: list[Move] = field(default_factory=list)

    def decide(self, wish: Wish) -> tuple[Cart, Decision]:
        """The cart under the code of the pool that decides it, and what it gets there.

        Raises ServedElsewhereError and PoolIsShortError; a refusal is the word of the cart's home pool.
        """
        pools = in_order(self.sale, wish.cart) if self.sale.pools else [self.sale]
        served = [pool for pool in pools if pool.flash_sale_code in self.escrows]
        if not served or (wish.last_word and served[0] is not pools[0]):
            raise ServedElsewhereError
        code = self._pool_that_suffices(wish.cart, served) if wish.cart.refusal is None else None
        if code is None and not wish.last_word:
            raise PoolIsShortError
        cart = replace(
            wish.cart,
            flash_sale_code=code or pools[0].flash_sale_code,
            durability=Durability.DURABLE,  # a soft hold is a permission, not a wish
        )
        return cart, settle(cart, self.escrows[cart.flash_sale_code], self.ordinary, self.limits)

    def _pool_that_suffices(self, cart: Cart, served: list[FlashSale]) -> str | None:
        """The first that has all of it, if need be after units that lie apart were brought together."""
        for pool in served:
            if self.escrows[pool.flash_sale_code].suffices(cart):
                return pool.flash_sale_code
        moves = gather(
            [replace(pool, items=tuple(self.escrows[pool.flash_sale_code].items())) for pool in served], cart
        )
        for move in moves:
            self.escrows[move.from_pool].move(move.sku_code, -move.quantity)
            self.escrows[move.to_pool].move(move.sku_code, move.quantity)
        self.moves += moves
        return moves[0].to_pool if moves else None


def escrows_of(served: Collection[str], items: Mapping[tuple[str, str], FlashSaleItem]) -> dict[str, Escrow]:
    """The escrow of each of these pools, out of items by (pool, SKU)."""
    return {code: Escrow([item for (pool, _), item in items.items() if pool == code]) for code in served}
