"""Close a flash sale: shut the gate, settle what was in flight, give the free units back (P4).

What is still held or sold becomes an ordinary promise; what comes back of it later goes to ordinary sale.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lumbung_kit.failures import ConcurrentChange
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.sale_ports import SaleGate, SaleLedger
from lumbung_stock.usecases.set_up_gate import SetUpGate

ROUNDS_MAX = 20
LOOKS_MAX = 20
LOOK_INTERVAL_S = 0.05


@dataclass(frozen=True, slots=True)
class CloseFlashSale:
    """Closes a sale, or goes on closing one whose closing was interrupted."""

    ledger: SaleLedger
    gate: SaleGate
    sales: SaleBook
    set_up_gate: SetUpGate

    async def __call__(self, code: str) -> FlashSale:
        """The closed sale; closing a closed one again changes nothing.

        Raises FlashSaleNotFound, FlashSaleWrongState, StoreUnavailable (it stays CLOSING and is taken up again),
        ConcurrentChange when others keep at it and do not come to an end.
        """
        for _ in range(ROUNDS_MAX):
            if await self.attempt(code) or await self._closed_meanwhile(code):
                return await self.sales.find_fresh(code)
        raise ConcurrentChange(retry_after_s=1.0)

    async def attempt(self, code: str) -> bool:
        """Whether the sale, or the pool, is closed now; False when somebody newer is at work on that."""
        epoch = await self.ledger.begin_closing(code)
        sale = await self.sales.find_fresh(code)
        for pool in sale.pools:
            await self.attempt(pool.flash_sale_code)
        if epoch is not None and not sale.pools and await self.set_up_gate.drain(code, epoch):
            await self.ledger.finish_closing(code, epoch)
        closed = (await self.sales.find_fresh(code)).state is FlashSaleState.CLOSED
        if closed and not sale.pools:
            await self.gate.remove(code)
        return closed

    async def _closed_meanwhile(self, code: str) -> bool:
        for _ in range(LOOKS_MAX):
            if (await self.sales.find_fresh(code)).state is FlashSaleState.CLOSED:
                return True
            await asyncio.sleep(LOOK_INTERVAL_S)
        return False
