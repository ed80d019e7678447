"""What is kept back of a SKU, and when to reorder it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replenishment:
    """Figures of one SKU in one warehouse, in whole base units."""

    warehouse_code: str
    sku_code: str
    safety_stock: int
    reorder_point: int
    reorder_quantity: int
