"""Measure the backlogs: what waits in Postgres, and how each running sale's gate and journal stand."""

from __future__ import annotations

from dataclasses import dataclass, field

from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.logs import get_logger
from lumbung_kit.metrics import gauge
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.stores.backlogs import read_backlogs
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.sale_ports import SaleGate

_LOG = get_logger(__name__)
_LENGTH = gauge("lumbung_stock_backlog", "What waits in Postgres, counted up to 10,000", ["queue"])
_AGE = gauge("lumbung_stock_backlog_age_seconds", "Age of the oldest that waits in Postgres", ["queue"])
_ARMED = gauge("lumbung_stock_gate_armed", "1 while the sale's gate takes reservations", ["sale"])
_EPOCH = gauge("lumbung_stock_gate_epoch", "Epoch of the sale's gate; 0: Valkey has none", ["sale"])
_ON_POSTGRES = gauge(
    "lumbung_stock_sales_on_postgres",
    "Sales and pools that Postgres serves alone, since Valkey stays away",
)
_JOURNAL = gauge("lumbung_stock_journal_backlog", "Journal entries that Postgres may not have yet", ["sale"])


@dataclass(slots=True)
class MeasureBacklogs:
    """One look at everything; every replica takes it, so that the metrics of each are whole."""

    postgres: Postgres
    sales: SaleBook
    gate: SaleGate
    _shown: set[str] = field(default_factory=set)

    async def __call__(self) -> None:
        """Raises StoreUnavailable when Postgres is away; the figures stand as they were then."""
        async with self.postgres.connection() as conn:
            for backlog in await read_backlogs(conn):
                _LENGTH.labels(backlog.queue).set(backlog.length)
                _AGE.labels(backlog.queue).set(backlog.age_s)
        running = set(await self.sales.running())
        self._drop(self._shown - running)
        sales = [await self.sales.find(code) for code in sorted(running)]
        _ON_POSTGRES.set(sum(sale.on_postgres for sale in sales))
        for sale in sales:
            await self._measure_gate(sale)

    async def _measure_gate(self, sale: FlashSale) -> None:
        """A gate that cannot be reached takes no reservations; what else it has stands as it was seen last."""
        code = sale.flash_sale_code
        try:
            status, backlog = await self.gate.status(code), await self.gate.backlog(code)
        except StoreUnavailable as away:
            _LOG.warning("gate cannot be measured", flash_sale_code=code, trouble=repr(away))
            if code in self._shown:
                _ARMED.labels(code).set(0)
            return
        self._shown.add(code)
        _ARMED.labels(code).set(status.armed)
        _EPOCH.labels(code).set(status.epoch)
        _JOURNAL.labels(code).set(backlog)

    def _drop(self, over: set[str]) -> None:
        """A sale that is over has no figures any more."""
        self._shown -= over
        for code in over:
            for metric in (_ARMED, _EPOCH, _JOURNAL):
                metric.remove(code)
