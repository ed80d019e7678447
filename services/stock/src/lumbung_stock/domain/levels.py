"""What there is of one SKU in one warehouse, and who it is promised to."""

from __future__ import annotations

from dataclasses import dataclass

LevelKey = tuple[str, str]
"""(warehouse_code, sku_code): levels are locked in this order."""


@dataclass(frozen=True, slots=True)
class Level:
    """Whole base units of one SKU in one warehouse.

    `sold` is confirmed and not yet shipped; `escrow` is set aside for flash sales, free, held and sold in them;
    `shortfall` is what was promised before reality took it away; `expired` are those on hand whose lot may not be sold
    any more.
    """

    warehouse_code: str
    sku_code: str
    on_hand: int
    held: int
    sold: int
    escrow: int
    safety_stock: int
    reorder_point: int
    reorder_quantity: int
    shortfall: int
    expired: int = 0

    @property
    def key(self) -> LevelKey:
        """Its place in the lock order."""
        return self.warehouse_code, self.sku_code

    @property
    def available_to_promise(self) -> int:
        """What an ordinary sale may still take; below 0 when safety stock or a shortfall eats into promises."""
        return self.on_hand - self.held - self.sold - self.safety_stock - self.escrow - self.expired


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Differences to one level."""

    warehouse_code: str
    sku_code: str
    on_hand: int = 0
    held: int = 0
    sold: int = 0
    escrow: int = 0
    expired: int = 0


def merge(changes: list[LevelChange]) -> list[LevelChange]:
    """One change per level, in lock order, without those that change nothing."""
    sums: dict[LevelKey, list[int]] = {}
    for change in changes:
        total = sums.setdefault((change.warehouse_code, change.sku_code), [0, 0, 0, 0, 0])
        differences = (change.on_hand, change.held, change.sold, change.escrow, change.expired)
        for index, difference in enumerate(differences):
            total[index] += difference
    return [LevelChange(*key, *total) for key, total in sorted(sums.items()) if any(total)]
