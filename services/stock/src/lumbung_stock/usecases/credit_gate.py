"""Credit the gate: tell Valkey of units that Postgres has taken back, once per hold (P4)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from lumbung_kit.postgres import Conn, Postgres
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.stores import flash_sales
from lumbung_stock.stores.flash_sales import Credit
from lumbung_stock.stores.gate import Gate

CREDIT_BATCH = 500


@dataclass(frozen=True, slots=True)
class CreditGate:
    """Works through flash_credit, oldest first. Two at once do no harm: the gate counts each hold once."""

    postgres: Postgres
    gate: Gate

    async def __call__(self) -> int:
        """How many credits were settled. Those of a gate that is being set up wait for it."""
        due, sales = await self.postgres.run(self._due)
        settled: list[int] = []
        for code, group in groupby(sorted(due, key=lambda credit: credit.flash_sale_code), _sale_of):
            owed = list(group)
            if await self._credit(sales[code], owed):
                settled += [credit.credit_id for credit in owed]
        if settled:
            await self.postgres.run(lambda conn: flash_sales.delete_credits(conn, settled))
        return len(settled)

    async def _due(self, conn: Conn) -> tuple[list[Credit], dict[str, FlashSale]]:
        due = await flash_sales.due_credits(conn, CREDIT_BATCH)
        return due, await flash_sales.find_sales(conn, sorted({credit.flash_sale_code for credit in due}))

    async def _credit(self, sale: FlashSale, owed: list[Credit]) -> bool:
        """A closed sale has no gate any more: Postgres gave the units back itself."""
        if sale.state is FlashSaleState.CLOSED:
            return True
        hold_ids = [credit.reservation_id for credit in owed]
        return await self.gate.credit(sale.flash_sale_code, sale.epoch, hold_ids)


def _sale_of(credit: Credit) -> str:
    return credit.flash_sale_code
