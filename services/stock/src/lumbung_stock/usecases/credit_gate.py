"""Credit the gate: tell Valkey of units that Postgres has taken back, once per hold, or added, once each (P4)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.stores.flash_sales import Credit, Extension
from lumbung_stock.usecases.sale_ports import SaleGate, SaleLedger

CREDIT_BATCH = 500


@dataclass(frozen=True, slots=True)
class CreditGate:
    """Works through what the gates are owed, oldest first. Two at once do no harm: the gate counts each hold, and each
    extension, once."""

    ledger: SaleLedger
    gate: SaleGate

    async def __call__(self) -> int:
        """How many credits and extensions were settled. Those of a gate that is being set up wait for it."""
        return await self._extend_gates() + await self._credit_gates()

    async def _extend_gates(self) -> int:
        due = sorted(await self.ledger.due_extensions(CREDIT_BATCH), key=_gate_of)
        told: list[UUID] = []
        for (code, epoch), group in groupby(due, _gate_of):
            added = [(each.extension_id, each.sku_code, each.quantity) for each in group]
            if await self.gate.extend(code, epoch, added):
                told += [extension_id for extension_id, _, _ in added]
        if told:
            await self.ledger.note_told(told)
        return len(told)

    async def _credit_gates(self) -> int:
        due, sales = await self.ledger.due_credits(CREDIT_BATCH)
        settled: list[int] = []
        for code, group in groupby(sorted(due, key=lambda credit: credit.flash_sale_code), _sale_of):
            owed = list(group)
            if await self._credit(sales[code], owed):
                settled += [credit.credit_id for credit in owed]
        if settled:
            await self.ledger.delete_credits(settled)
        return len(settled)

    async def _credit(self, sale: FlashSale, owed: list[Credit]) -> bool:
        """A closed sale has no gate any more: Postgres gave the units back itself."""
        if sale.state is FlashSaleState.CLOSED:
            return True
        return await self.gate.credit(
            sale.flash_sale_code, sale.epoch, [(credit.reservation_id, credit.kept) for credit in owed]
        )


def _gate_of(extension: Extension) -> tuple[str, int]:
    return extension.flash_sale_code, extension.epoch


def _sale_of(credit: Credit) -> str:
    return credit.flash_sale_code
