"""What stock knows of the catalog: which codes exist, and what a bundle draws on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumbung_kit.failures import FieldViolation
from lumbung_stock.domain.inventory_failures import SkuIsBundle, SkuNotFound


@dataclass(frozen=True, slots=True)
class SkuRecord:
    """One SKU of the catalog. Only a bundle has components: (plain SKU, units of it in one bundle).

    `lot_tracking` is a LotTracking; a lot is sold as long as `shelf_life_days_min` days are left until its last one.
    """

    sku_code: str
    name: str
    is_bundle: bool
    active: bool
    components: tuple[tuple[str, int], ...]
    recipe_version: int
    lot_tracking: int = 0
    shelf_life_days_min: int = 0


@dataclass(frozen=True, slots=True)
class Named:
    """A code as a request names it, and where in the request."""

    field: str
    code: str


def require_plain(known: Mapping[str, SkuRecord], named: Sequence[Named]) -> None:
    """Refuses codes that stock does not know, then those of bundles; names every field that is wrong."""
    unknown = [one for one in named if one.code not in known]
    if unknown:
        raise SkuNotFound(
            f"Stock has never heard of SKU {unknown[0].code}.",
            metadata={"sku_code": unknown[0].code},
            fields=[FieldViolation(one.field, f"unknown SKU {one.code}") for one in unknown],
        )
    bundles = [one for one in named if known[one.code].is_bundle]
    if bundles:
        raise SkuIsBundle(
            f"{bundles[0].code} is a bundle and has no stock of its own; name its components.",
            metadata={"sku_code": bundles[0].code},
            fields=[FieldViolation(one.field, f"{one.code} is a bundle") for one in bundles],
        )
