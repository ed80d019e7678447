"""Refuse together: those who want more than was left a moment ago go to the gate in one call, and into the journal as
one entry. In a flash sale they are the great majority."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.loops import loop_time
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.stores.gate import REFUSE_BATCH, REFUSE_SKUS_MAX, GateAnswer
from lumbung_stock.usecases.sale_ports import SaleGate

MEMORY_S = 0.05
"""How long a figure of the gate is taken for a hint. It only chooses the way: the gate judges by what it has."""
REMEMBERED_MAX = 10_000

Wish = tuple[FlashSale, Cart]


class RefuseTogether:
    """Remembers what gates had left, and gathers those who want more."""

    def __init__(self, gate: SaleGate, *, max_waiting: int) -> None:
        self._gate = gate
        self._left: dict[tuple[str, int, str], tuple[float, int]] = {}
        self._together: MicroBatcher[Wish, GateAnswer] = MicroBatcher(
            self._decide, max_batch=REFUSE_BATCH, max_waiting=max_waiting, name="refuse"
        )

    def note(self, sale: FlashSale, available: Mapping[str, int]) -> None:
        """The gate had just this when it refused somebody."""
        if len(self._left) >= REMEMBERED_MAX:
            self._left.clear()
        until = loop_time() + MEMORY_S
        for sku, units in available.items():
            self._left[sale.flash_sale_code, sale.epoch, sku] = (until, units)

    def has_little_hope(self, sale: FlashSale, cart: Cart) -> bool:
        """Whether the cart wants more of a SKU than the sale's gate had a moment ago."""
        demand = cart.demand()
        if len(demand) > REFUSE_SKUS_MAX:
            return False
        now, code, epoch = loop_time(), sale.flash_sale_code, sale.epoch
        for sku, units in demand.items():
            until, left = self._left.get((code, epoch, sku), (0.0, 0))
            if left < units and now < until:
                return True
        return False

    async def __call__(self, cart: Cart, sale: FlashSale) -> GateAnswer:
        """What the gate says; LEFT_ALONE when the cart could be served. Raises as the gate, and Overloaded."""
        return await self._together.submit((sale, cart))

    async def all(self, carts: Sequence[Cart], sale: FlashSale) -> list[GateAnswer]:
        """What the gate says to carts that came together. Raises as the gate."""
        answers: list[GateAnswer] = []
        for start in range(0, len(carts), REFUSE_BATCH):
            answers += await self._refuse([(sale, cart) for cart in carts[start : start + REFUSE_BATCH]])
        return answers

    async def close(self) -> None:
        """Answers those who wait, and nobody else."""
        await self._together.close()

    async def _decide(self, wishes: list[Wish]) -> Sequence[GateAnswer | BaseException]:
        """Each sale's carts in one call; trouble with one sale is not the others'."""
        groups: dict[tuple[str, int], list[int]] = {}
        for index, (sale, _) in enumerate(wishes):
            groups.setdefault((sale.flash_sale_code, sale.epoch), []).append(index)
        answers: dict[int, GateAnswer | BaseException] = {}
        results = await asyncio.gather(
            *(self._refuse([wishes[index] for index in group]) for group in groups.values()),
            return_exceptions=True,
        )
        for group, result in zip(groups.values(), results, strict=True):
            for place, index in enumerate(group):
                answers[index] = result if isinstance(result, BaseException) else result[place]
        return [answers[index] for index in range(len(wishes))]

    async def _refuse(self, wishes: Sequence[Wish]) -> list[GateAnswer]:
        sale = wishes[0][0]
        answers = await self._gate.refuse(sale, [cart for _, cart in wishes])
        self.note(sale, answers[0].available)
        return answers
