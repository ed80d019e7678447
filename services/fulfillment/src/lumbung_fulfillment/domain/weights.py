"""Whether a parcel weighs what its contents weigh: the last look before it leaves.

The catalog says what a base unit weighs, the packing station what the parcel weighs. Packaging is between: where the
station does not say what it weighs, an allowance is made for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lumbung_fulfillment.domain.failures import WeightImplausible
from lumbung_fulfillment.domain.packing import PackageItem

TOLERANCE_PERCENT: Final = 5
TOLERANCE_G_MIN: Final = 10
"""Scales, and figures of the catalog, are as good as this: the larger of the two, to both sides."""
PACKAGING_PERCENT_MAX: Final = 20
PACKAGING_G_MAX: Final = 250
"""Packaging of which nobody says what it weighs may weigh this: the larger of the two."""


@dataclass(frozen=True, slots=True)
class SkuSize:
    """What one base unit of a SKU weighs, and the room that it takes; 0 is unknown."""

    weight_g: int
    volume_ml: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What the contents of a parcel weigh, as far as it is known; `is_whole` when it is known of all of them."""

    weight_g: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class WeightRange:
    """What a parcel may weigh; no upper end where something in it has no known weight."""

    least_g: int
    most_g: int | None

    def holds(self, weight_g: int) -> bool:
        """Whether a weight is plausible."""
        return self.least_g <= weight_g and (self.most_g is None or weight_g <= self.most_g)


def bulk_of(needs: Mapping[str, int], sizes: Mapping[str, SkuSize]) -> SkuSize:
    """What so many base units of each SKU weigh and take in room together; what is not known counts as nothing."""
    known = [(sizes[code], quantity) for code, quantity in needs.items() if code in sizes]
    return SkuSize(
        sum(size.weight_g * quantity for size, quantity in known),
        sum(size.volume_ml * quantity for size, quantity in known),
    )


def contents_of(items: Sequence[PackageItem], sizes: Mapping[str, SkuSize]) -> Contents:
    """What the catalog says that these items weigh together."""
    weights = {
        item.sku_code: sizes[item.sku_code].weight_g if item.sku_code in sizes else 0 for item in items
    }
    total_g = sum(weights[item.sku_code] * item.quantity for item in items)
    return Contents(total_g, is_whole=all(weights.values()))


def plausible(contents: Contents, packaging_g: int) -> WeightRange:
    """What a parcel with these contents may weigh. `packaging_g` is 0 where nobody says it."""
    tolerance_g = max(TOLERANCE_G_MIN, contents.weight_g * TOLERANCE_PERCENT // 100)
    least_g = max(0, contents.weight_g + packaging_g - tolerance_g)
    if not contents.is_whole:
        return WeightRange(least_g, None)
    allowed_g = packaging_g or max(PACKAGING_G_MAX, contents.weight_g * PACKAGING_PERCENT_MAX // 100)
    return WeightRange(least_g, contents.weight_g + allowed_g + tolerance_g)


def require_plausible_weight(weight_g: int, contents: Contents, packaging_g: int) -> None:
    """Refuses a parcel in which something is missing, or too much, by its weight. Raises WeightImplausible."""
    expected = plausible(contents, packaging_g)
    if expected.holds(weight_g):
        return
    metadata = {"weight_g": str(weight_g), "least_g": str(expected.least_g)}
    if expected.most_g is not None:
        metadata["most_g"] = str(expected.most_g)
    upper = f" to {expected.most_g} g" if expected.most_g is not None else " g or more"
    raise WeightImplausible(
        f"it weighs {weight_g} g, expected are {expected.least_g}{upper}", metadata=metadata
    )
