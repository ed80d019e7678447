"""Pick faces that somebody set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PickFace:
    """A bin from which a SKU is picked: refilled below the minimum, up to the maximum."""

    sku_code: str
    bin_code: str
    min_quantity: int
    max_quantity: int
