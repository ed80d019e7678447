"""Whether the figures are true: what an audit finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LedgerDifference:
    """A stored figure that is not what the ledger says; `place_code` is empty for a level's on hand, `lot_code` for all
    units of a place. `of_expired`: it is what a level counts as expired, beside the units of marked lots."""

    warehouse_code: str
    sku_code: str
    place_code: str
    stored_quantity: int
    ledger_quantity: int
    lot_code: str = ""
    of_expired: bool = False


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """The ledger recomputed: entries read, figures compared, and those that differ (the first thousand)."""

    entry_count: int
    figure_count: int
    differences: tuple[LedgerDifference, ...]


@dataclass(frozen=True, slots=True)
class BrokenPromise:
    """A figure of a level, or of a sale's item, that is not what the reservations, the sales and the places say.

    `kind` is held, sold, escrow (of a level), quota (of an item), oversold (of either), or places: on hand is
    not what the bins hold.
    """

    kind: str
    flash_sale_code: str
    warehouse_code: str
    sku_code: str
    stored_quantity: int
    true_quantity: int

    @property
    def units(self) -> int:
        """How far off it is."""
        return abs(self.stored_quantity - self.true_quantity)


@dataclass(frozen=True, slots=True)
class PromiseReport:
    """What must be 0, except `shortfall_units`, which says what reality has taken away."""

    oversold_units: int
    conservation_gap_units: int
    leaked_holds: int
    shortfall_units: int
    read_time: datetime
