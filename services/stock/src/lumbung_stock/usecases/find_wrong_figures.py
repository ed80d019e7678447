"""Find the figures of a warehouse that are not what its ledger says, if the ledger itself can be believed."""

from __future__ import annotations

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.audit import LedgerDifference
from lumbung_stock.domain.inventory_failures import LedgerTampered
from lumbung_stock.usecases.verify_chain import verify_chain
from lumbung_stock.usecases.verify_ledger import verify_ledger


async def find_wrong_figures(
    postgres: Postgres, warehouse_code: str, *, although_tampered: bool = False
) -> tuple[LedgerDifference, ...]:
    """The first thousand, by SKU. Raises WarehouseNotFound, and LedgerTampered unless one goes on all the same."""
    if not although_tampered:
        for found in (await verify_chain(postgres, warehouse_code)).breaks:
            raise LedgerTampered(
                f"Entry {found.sequence} of {found.warehouse_code} is not as it was written: {found.problem.name}.",
                metadata={
                    "warehouse_code": found.warehouse_code,
                    "sequence": str(found.sequence),
                    "problem": found.problem.name,
                },
            )
    return (await verify_ledger(postgres, warehouse_code)).differences
