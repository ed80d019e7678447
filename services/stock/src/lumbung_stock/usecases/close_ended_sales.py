"""Close the sales whose end has passed, by Postgres' clock, with what is still in flight."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger
from lumbung_stock.usecases.close_flash_sale import CloseFlashSale
from lumbung_stock.usecases.sale_ports import SaleLedger

_LOG = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CloseEndedSales:
    """One round over the open sales whose time is over. Two replicas at once close each sale once: whoever begins
    later has the newer epoch, and the other waits for it."""

    ledger: SaleLedger
    close: CloseFlashSale

    async def __call__(self) -> int:
        """How many were closed. One that cannot be closed now is closing all the same, and taken up by whoever watches
        the gates."""
        closed = 0
        for code in await self.ledger.ended_sales():
            try:
                await self.close(code)
            except Failure as trouble:
                _LOG.warning("ended sale is not closed yet", flash_sale_code=code, trouble=repr(trouble))
            else:
                _LOG.info("ended sale closed", flash_sale_code=code)
                closed += 1
        return closed
