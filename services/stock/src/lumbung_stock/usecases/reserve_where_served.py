"""Reserve on a flash sale by whoever serves it: its gate, the gates of its pools, or Postgres while Valkey is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import GateNotReady
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.domain.without_gate import ServedElsewhereError, Wish
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.reserve_from_pools import ReserveFromPools
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale

CHANGES_MAX: Final = 8
"""How often one call follows the sale from its gate to Postgres and back. That takes seconds each time (0035); a sale
in pools has a change for each."""


@dataclass(frozen=True, slots=True)
class ReserveWhereServed:
    """One cart in, its first answer out. `without_gate` decides in Postgres, which answers when it has committed."""

    on_sale: ReserveOnSale
    from_pools: ReserveFromPools
    without_gate: Callable[[Wish], Awaitable[Reservation]]
    sales: SaleBook

    async def __call__(self, cart: Cart, sale: FlashSale) -> Reservation:
        """The first answer to the cart's request, also when the sale changes hands meanwhile.

        Raises as ReserveOnSale. Being decided in two places does no harm: Postgres keeps the first answer.
        """
        for _ in range(CHANGES_MAX):
            try:
                return await self._by_who_serves(cart, sale)
            except ServedElsewhereError:
                sale = await self.sales.find_fresh(sale.flash_sale_code)
            sale.require_open()
        raise GateNotReady(retry_after_s=1.0)

    async def _by_who_serves(self, cart: Cart, sale: FlashSale) -> Reservation:
        if sale.pools:
            return await self.from_pools(cart, sale)
        if sale.on_postgres:
            return await self.without_gate(Wish(cart))
        return await self.on_sale(cart, sale)
