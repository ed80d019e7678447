"""Reserve from the pools of one sale: the cart's home first, then the others; units are moved when they lie apart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lumbung_kit.loops import loop_time
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.pools import Move, gather, in_order
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.domain.without_gate import PoolIsShortError, Wish
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale
from lumbung_stock.usecases.sale_ports import SaleGate

SHORT_MEMORY_S = 0.05
"""How long a pool that was short is taken to be so still: losers, who are the great majority, ask one gate only."""
SHORT_MEMORY_MAX = 10_000
MOVES_MAX = 3
MOVE_AGAIN_S = 0.1
"""Others may be moving units of the same pools: they are given a moment."""


@dataclass(slots=True)
class ShortPools:
    """Pools seen short a moment ago: how few units of a SKU were too many."""

    _seen: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def note(self, code: str, cart: Cart) -> None:
        """The pool could not serve the cart. Which SKU was short is known only of a cart with one."""
        demand = list(cart.demand().items())
        if len(demand) != 1:
            return
        if len(self._seen) >= SHORT_MEMORY_MAX:
            self._seen.clear()
        ((sku, units),) = demand
        self._seen[code, sku] = (loop_time() + SHORT_MEMORY_S, units)

    def forget(self, moves: Sequence[Move]) -> None:
        """These pools have been given units."""
        for move in moves:
            self._seen.pop((move.to_pool, move.sku_code), None)

    def knows(self, code: str, cart: Cart) -> bool:
        """Whether the pool was seen to have less than the cart wants."""
        now = loop_time()
        return any(
            until > now and units >= too_many
            for sku, units in cart.demand().items()
            for until, too_many in (self._seen.get((code, sku), (0.0, 0)),)
        )


@dataclass(frozen=True, slots=True)
class ReserveFromPools:
    """One cart through the pools of a sale: their gates, or those together whose gates are away, in Postgres."""

    on_sale: ReserveOnSale
    gate: SaleGate
    move: Callable[[Sequence[Move]], Awaitable[bool]]
    without_gate: Callable[[Wish], Awaitable[Reservation]]
    short: ShortPools = field(default_factory=ShortPools)
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, cart: Cart, sale: FlashSale) -> Reservation:
        """The first answer to the cart's request, as ReserveOnSale gives it, which also says what is raised.

        Only the home pool writes a refusal down, and only when no pool could serve the cart. Should the request be
        granted in two pools, by being asked again, Postgres keeps the first and the other gate is credited.
        """
        pools = in_order(sale, cart)
        home, gated = pools[0], [pool for pool in pools if not pool.on_postgres]
        for pool in gated:
            if answer := await self._unless_short(cart, pool):
                return answer
        if not home.on_postgres and len(gated) < len(pools):
            with suppress(PoolIsShortError):
                return await self.without_gate(Wish(cart, last_word=False))
        for pool in await self._gathered(cart, sale.flash_sale_code, gated):
            if answer := await self._unless_short(cart, pool):
                return answer
        if home.on_postgres:
            return await self.without_gate(Wish(cart))
        return await self.on_sale(replace(cart, flash_sale_code=home.flash_sale_code), home)

    async def _unless_short(self, cart: Cart, pool: FlashSale) -> Reservation | None:
        code = pool.flash_sale_code
        if self.short.knows(code, cart):
            return None
        try:
            return await self.on_sale(replace(cart, flash_sale_code=code), pool, last_word=False)
        except PoolIsShortError:
            self.short.note(code, cart)
            return None

    async def _gathered(self, cart: Cart, code: str, pools: Sequence[FlashSale]) -> list[FlashSale]:
        """The pool to ask now, when the units that the cart wants were there but lay apart.

        One move at a time: the next one may find that the last has helped it already. Between a pool and one whose gate
        is away nothing moves.
        """
        if len(pools) < 2 or sum(cart.demand().values()) == 1 or self.short.knows(code, cart):
            return []
        async with self._moving:
            for _ in range(MOVES_MAX):
                free = await asyncio.gather(*(self.gate.free_units(pool.flash_sale_code) for pool in pools))
                moves = gather([_with_free(*each) for each in zip(pools, free, strict=True)], cart)
                if not moves:
                    break
                if await self.move(moves):
                    self.short.forget(moves)
                    return [pool for pool in pools if pool.flash_sale_code == moves[0].to_pool]
                await asyncio.sleep(MOVE_AGAIN_S)
        self.short.note(code, cart)
        return []


def _with_free(pool: FlashSale, free: dict[str, int]) -> FlashSale:
    items = tuple(replace(item, remaining=free.get(item.sku_code, 0)) for item in pool.items)
    return replace(pool, items=items)
