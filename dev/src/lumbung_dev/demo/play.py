"""What every act has at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumbung_dev.demo.cast import Cast
from lumbung_dev.demo.diary import Diary
from lumbung_dev.demo.marketplaces import MarketplaceShop
from lumbung_dev.demo.stage import Stage
from lumbung_dev.local.services import Services
from lumbung_dev.local.system import LocalSystem
from lumbung_dev.local.traces import TraceCollector


@dataclass(frozen=True, slots=True)
class Play:
    """One performance."""

    system: LocalSystem
    stage: Stage
    cast: Cast
    diary: Diary
    collector: TraceCollector
    run: str
    """Makes the request ids and codes of this performance its own."""
    strangers: frozenset[str]
    """Reservations whose orders were in the warehouse before the play began."""
    chaos: str
    """The service that is killed during the sale, or empty."""
    staff: Services
    storefront: Services
    shops: Mapping[str, MarketplaceShop]
    """The marketplaces as their buyers know them, by channel."""

    @property
    def sale_code(self) -> str:
        """Names this performance's flash sale."""
        return f"HARBOLNAS-{self.run}".upper()
