"""Close a flash sale: shut the gate, settle what was in flight, give the free units back (P4).

What is still held or sold becomes an ordinary promise; what comes back of it later goes to ordinary sale.

Postgres decides: should Valkey stay away, the sale is closed without it. What its journal had that nobody read was
never answered as durable, and is nobody's: who asked hears that the sale is closed. Units set aside for it only in
Valkey were free in Postgres all the time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lumbung_kit.failures import ConcurrentChange, StoreUnavailable
from lumbung_kit.logs import get_logger
from lumbung_kit.loops import loop_time
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.sale_ports import SaleGate, SaleLedger
from lumbung_stock.usecases.set_up_gate import SetUpGate

_LOG = get_logger(__name__)
ROUNDS_MAX = 20
GATES_LEFT_MAX = 100
LOOKS_MAX = 20
LOOK_INTERVAL_S = 0.05
GATE_AWAY_S_MAX = 60.0
"""How long the closing waits for a gate that cannot be reached: its units are free units to nobody meanwhile."""


@dataclass(frozen=True, slots=True)
class CloseFlashSale:
    """Closes a sale, or goes on closing one whose closing was interrupted."""

    ledger: SaleLedger
    gate: SaleGate
    sales: SaleBook
    set_up_gate: SetUpGate
    gate_away_s_max: float = GATE_AWAY_S_MAX
    _away_since: dict[str, float] = field(default_factory=dict)

    async def __call__(self, code: str) -> FlashSale:
        """The closed sale; closing a closed one again changes nothing.

        Raises FlashSaleNotFound, FlashSaleWrongState, StoreUnavailable (it stays CLOSING and is taken up again, and in
        the end closed without its gate), ConcurrentChange when others keep at it and do not come to an end.
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
        if epoch is not None and not sale.pools and await self._drained(sale, epoch):
            await self.ledger.finish_closing(code, epoch)
        closed = (await self.sales.find_fresh(code)).state is FlashSaleState.CLOSED
        if closed and not sale.pools:
            await self._remove_gate(code)
        return closed

    async def remove_gates_left(self) -> None:
        """Forgets the gates of sales that were closed while Valkey was away, or by somebody who stopped there."""
        for code in await self.ledger.gates_left(GATES_LEFT_MAX):
            await self._remove_gate(code)

    async def _drained(self, sale: FlashSale, epoch: int) -> bool:
        """Whether the journal has been committed, or its gate has been away for so long that nobody waits for it."""
        code = sale.flash_sale_code
        try:
            drained = await self.set_up_gate.drain(code, epoch)
        except StoreUnavailable:
            if not await self._gate_stays_away(sale):
                raise
            _LOG.error("closed without its gate", flash_sale_code=code)
            drained = True
        self._away_since.pop(code, None)
        return drained

    async def _gate_stays_away(self, sale: FlashSale) -> bool:
        """Whether it is the gate that is away, not Postgres, and has been at every look for `gate_away_s_max`, or
        for so long that Postgres served the sale without it."""
        code = sale.flash_sale_code
        try:
            await self.gate.status(code)
        except StoreUnavailable:
            since = self._away_since.setdefault(code, loop_time())
            return sale.on_postgres_since is not None or loop_time() - since >= self.gate_away_s_max
        self._away_since.pop(code, None)
        return False

    async def _remove_gate(self, code: str) -> None:
        """Forgets a closed sale's gate; one that is away now is left to whoever watches the gates."""
        try:
            await self.gate.remove(code)
        except StoreUnavailable as trouble:
            _LOG.warning("gate of a closed sale is left", flash_sale_code=code, trouble=repr(trouble))
        else:
            await self.ledger.note_removed(code)

    async def _closed_meanwhile(self, code: str) -> bool:
        for _ in range(LOOKS_MAX):
            if (await self.sales.find_fresh(code)).state is FlashSaleState.CLOSED:
                return True
            await asyncio.sleep(LOOK_INTERVAL_S)
        return False
