"""Have a sale served that has just been opened: by its gate, or by Postgres at once when Valkey is away.

A sale opens when it was meant to. Postgres has the quota in escrow by then, and needs no gate to give it away.
"""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.logs import get_logger
from lumbung_stock.domain.flash_sales import FlashSaleState
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.sale_ports import SaleLedger
from lumbung_stock.usecases.set_up_gate import SetUpGate

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOpenedSale:
    """Sees to it that reservations are taken."""

    ledger: SaleLedger
    sales: SaleBook
    set_up_gate: SetUpGate

    async def require_safe(self) -> None:
        """Raises GateUnsafe when Valkey is there and may forget. One that is away is asked before it gets a sale."""
        try:
            await self.set_up_gate.require_safe()
        except StoreUnavailable as away:
            _LOG.warning("a sale is opened while Valkey is away", trouble=repr(away))

    async def __call__(self, code: str) -> None:
        """Returns when the sale's gates are armed, or Postgres serves it without them. Raises as `until_armed`."""
        try:
            await self.set_up_gate.until_armed(code)
        except StoreUnavailable as away:
            _LOG.error("Postgres serves a sale from its opening", flash_sale_code=code, trouble=repr(away))
            for gated in (await self.sales.find_fresh(code)).gated:
                if gated.state is FlashSaleState.OPEN and not gated.gate_armed:
                    await self.ledger.go_without_gate(gated.flash_sale_code, gated.epoch)
            self.sales.forget(code)
