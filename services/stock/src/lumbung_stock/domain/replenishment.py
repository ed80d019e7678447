"""What is kept back of a SKU, and when to reorder it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lumbung_kit.failures import Failure, Kind

COVER_DAYS = 28
"""Whose sales say how long stock lasts: four whole weeks, since weekdays differ."""


class LeadTimeNotFound(Failure):
    """Nobody has said how long this supplier takes to deliver this SKU there."""

    kind = Kind.NOT_FOUND
    reason = "LEAD_TIME_NOT_FOUND"


class LeadTimeUnknown(Failure):
    """Nobody has said how long a supplier takes to deliver this SKU."""

    kind = Kind.FAILED_PRECONDITION
    reason = "LEAD_TIME_UNKNOWN"


@dataclass(frozen=True, slots=True)
class Replenishment:
    """Figures of one SKU in one warehouse, in whole base units."""

    warehouse_code: str
    sku_code: str
    safety_stock: int
    reorder_point: int
    reorder_quantity: int

    @property
    def key(self) -> tuple[str, str]:
        """Whose figures they are, as levels are keyed."""
        return self.warehouse_code, self.sku_code


@dataclass(frozen=True, slots=True)
class ReplenishmentChange:
    """Figures as they were and as they became, and who did it."""

    change_id: int
    before: Replenishment
    after: Replenishment
    reason: str
    actor: str
    request_id: str
    record_time: datetime


@dataclass(frozen=True, slots=True)
class Crossing:
    """What was available when it had fallen to the reorder point."""

    figures: Replenishment
    available: int


@dataclass(frozen=True, slots=True)
class Reorder:
    """A SKU that is at or below its reorder point with what is ordered. `urgency` orders the list, the lowest first.

    `on_order` is what open expected receipts are still to bring, and what is in transit from other warehouses.
    """

    figures: Replenishment
    available: int
    on_order: int
    sold: int
    urgency: int

    @property
    def order_quantity(self) -> int:
        """As few times the reorder quantity as bring what is available and ordered above the point: an (s, nQ) policy,
        judged by the inventory position.

        Without a reorder quantity the bare difference.
        """
        missing = self.figures.reorder_point - self.available - self.on_order + 1
        size = max(1, self.figures.reorder_quantity)
        return max(1, -(-missing // size)) * size

    @property
    def days_of_cover(self) -> float | None:
        """How long what is available lasts at the pace of the last COVER_DAYS; None when nothing was sold."""
        return self.available * COVER_DAYS / self.sold if self.sold else None
