"""Set up a sale's gate in Valkey out of Postgres: after opening, and after anything that Valkey may have lost.

A new epoch in Postgres, the gate frozen with that epoch, the journal drained, free units and reservations read in
one transaction, installed, armed: safe when two do it at once and when it stops anywhere, because each step is
refused to whoever carries an older epoch.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lumbung_kit.logs import get_logger
from lumbung_stock.domain.flash_sales import FlashSaleState, shown_code
from lumbung_stock.domain.reservation_failures import GateNotReady, GateUnsafe
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.commit_journal import CommitJournal
from lumbung_stock.usecases.sale_ports import FencedError, SaleGate, SaleLedger

_LOG = get_logger(__name__)
DRAIN_BATCH = 512
LOOKS_MAX = 50
LOOK_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class SetUpGate:
    """Makes a sale's gate agree with Postgres."""

    ledger: SaleLedger
    gate: SaleGate
    sales: SaleBook
    commit: CommitJournal

    async def __call__(self, code: str, seen_epoch: int) -> bool:
        """True when the gate is armed; False when the sale is not open, or somebody else has begun since
        `seen_epoch`.

        Raises GateUnsafe when Valkey may forget, StoreUnavailable when it is away (its journal is not touched).
        """
        await self.require_safe()
        epoch = await self.ledger.next_epoch(code, seen_epoch)
        return epoch is not None and await self.drain(code, epoch) and await self.install(code, epoch)

    async def install(self, code: str, epoch: int) -> bool:
        """Makes a drained gate out of what Postgres has, and opens it; False when overtaken."""
        state = await self.ledger.snapshot(code, epoch)
        if state is None:
            return False
        sale, taken = state
        # A pool never knows all: another pool of the sale may have answered the request.
        complete = shown_code(code) == code and not await self.ledger.has_other_answers(code)
        armed = await self.gate.install(sale, taken) and await self.gate.arm(code, epoch, complete=complete)
        if armed:
            await self.ledger.note_armed(code, epoch)
            self.sales.forget(shown_code(code))
            _LOG.info("gate armed", flash_sale_code=code, epoch=epoch, reservations=len(taken))
        return armed

    async def until_armed(self, code: str) -> None:
        """Returns when the sale's gates are armed, by us or by whoever was first, or Postgres serves it for want of
        them, or the sale is open no more.

        Raises as a call does, and GateNotReady when others are at it and do not come to an end.
        """
        for gated in (await self.sales.find_fresh(code)).gated:
            await self._until_armed(gated.flash_sale_code)

    async def _until_armed(self, code: str) -> None:
        for _ in range(LOOKS_MAX):
            sale = await self.sales.find_fresh(code)
            served = sale.gate_armed or sale.on_postgres or sale.state is not FlashSaleState.OPEN
            if served or await self(code, sale.epoch):
                return
            await asyncio.sleep(LOOK_INTERVAL_S)
        raise GateNotReady(retry_after_s=1.0)

    async def require_safe(self) -> None:
        """Raises GateUnsafe when Valkey is set up so that it may forget."""
        if wrong := await self.gate.unsafe_settings():
            raise GateUnsafe("Valkey may forget what it grants: " + "; ".join(wrong))

    async def drain(self, code: str, epoch: int) -> bool:
        """Shuts the gate under the epoch and commits what its journal still has; False when somebody newer is at
        work, or the sale is over."""
        if not await self.gate.freeze(code, epoch):
            return False
        try:
            while entries := await self.gate.read_journal(code, DRAIN_BATCH):
                await self.commit(code, epoch, entries)
        except FencedError as overtaken:
            _LOG.info("overtaken", flash_sale_code=code, epoch=epoch, by=str(overtaken))
            return False
        return True
