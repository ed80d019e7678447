"""SKUs: one is exactly one variant of one product, and a bundle is a SKU that consumes others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from lumbung_catalog.domain import units as unit_rules
from lumbung_catalog.domain.barcodes import Barcode
from lumbung_catalog.domain.failures import (
    BarcodeLimit,
    BarcodeUnknown,
    NotABundle,
    SkuNotRetired,
    SkuRetired,
    UnitExists,
    UnitHasBarcodes,
    UnitIsBase,
    UnitLimit,
    UnitNotFound,
)
from lumbung_catalog.domain.limits import BARCODES_MAX, UNITS_MAX
from lumbung_catalog.domain.products import Option
from lumbung_catalog.domain.units import Unit
from lumbung_kit.failures import BadInput, ConcurrentChange, FieldViolation


class SkuKind(IntEnum):
    """What kind of thing a SKU is. The numbers are those of the contract."""

    PLAIN = 1
    BUNDLE = 2


class SkuState(IntEnum):
    """Whether a SKU is in use. The numbers are those of the contract."""

    ACTIVE = 1
    RETIRED = 2


class LotTracking(IntEnum):
    """Whether stock knows of which lot each unit is. The numbers are those of the contract."""

    NONE = 1
    LOT = 2
    LOT_AND_EXPIRY = 3


@dataclass(frozen=True, slots=True)
class Description:
    """What may change about a SKU: how people and carts see it, and how stock keeps it. 0 means unknown.

    A lot is sold as long as `shelf_life_days_min` days are left until its last one.
    """

    name: str
    weight_g: int = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    volume_ml: int = 0
    fast_mover: bool = False
    lot_tracking: LotTracking = LotTracking.NONE
    shelf_life_days_min: int = 0

    @property
    def room_ml(self) -> int:
        """The volume given, or else the box around it, rounded up."""
        return self.volume_ml or -(-self.length_mm * self.width_mm * self.height_mm // 1000)


@dataclass(frozen=True, slots=True)
class Component:
    """Base units of a SKU that one bundle consumes."""

    sku_code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """One version of what a bundle consumes; never changed."""

    version: int
    components: tuple[Component, ...]
    set_time: datetime
    level: int = 1
    nested_draws: tuple[Component, ...] = ()

    @property
    def draws(self) -> tuple[Component, ...]:
        """What a sale takes from stock: with bundles resolved to plain SKUs; else it is what is written."""
        return self.nested_draws or self.components


@dataclass(frozen=True, slots=True)
class NewSku:
    """A SKU to be created. `units` includes the base unit."""

    sku_code: str
    product_code: str
    options: tuple[Option, ...]
    kind: SkuKind
    base_unit: str
    description: Description
    units: tuple[Unit, ...]
    barcodes: tuple[Barcode, ...] = ()
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Sku:
    """A SKU as it is stored, whole."""

    sku_code: str
    product_code: str
    options: tuple[Option, ...]
    kind: SkuKind
    state: SkuState
    base_unit: str
    description: Description
    units: tuple[Unit, ...]
    barcodes: tuple[Barcode, ...]
    recipe: Recipe | None
    version: int
    create_time: datetime
    update_time: datetime
    retire_time: datetime | None
    retire_reason: str

    @property
    def etag(self) -> str:
        """Current as long as nobody changed the SKU."""
        return str(self.version)


def require_lots_of_plain(kind: SkuKind, about: Description) -> None:
    """A bundle has no stock of its own, so it has no lots. Raises BadInput."""
    if kind is SkuKind.BUNDLE and about.lot_tracking is not LotTracking.NONE:
        raise BadInput(fields=[FieldViolation("sku.lot_tracking", "must be none for a bundle")])


def require_active(sku: Sku) -> None:
    """A retired SKU is not changed any more."""
    if sku.state is SkuState.RETIRED:
        raise SkuRetired(f"{sku.sku_code} is retired.", metadata={"sku_code": sku.sku_code})


def require_retired(sku: Sku) -> None:
    """Only a retired SKU can be taken back into use."""
    if sku.state is not SkuState.RETIRED:
        raise SkuNotRetired(f"{sku.sku_code} is in use.", metadata={"sku_code": sku.sku_code})


def require_etag(current: str, given: str) -> None:
    """The caller must have seen the latest version."""
    if given != current:
        raise ConcurrentChange(
            "The etag is not current; read it again and retry.",
            metadata={"etag": current},
            fields=[FieldViolation("etag", f"is {given!r}, the current one is {current!r}")],
        )


def require_bundle(sku: Sku) -> Recipe:
    """The bundle's current recipe."""
    if sku.recipe is None:
        raise NotABundle(f"{sku.sku_code} is not a bundle.", metadata={"sku_code": sku.sku_code})
    return sku.recipe


def check_unit_to_add(sku: Sku, unit: Unit) -> None:
    """A unit's conversion is set once: another size is another unit."""
    if unit_rules.find(sku.units, unit.unit_code):
        raise UnitExists(metadata={"sku_code": sku.sku_code, "unit_code": unit.unit_code})
    if len(sku.units) >= UNITS_MAX:
        raise UnitLimit(f"{sku.sku_code} has {UNITS_MAX} units already.", metadata={"limit": str(UNITS_MAX)})


def check_unit_to_remove(sku: Sku, unit_code: str) -> None:
    """A unit goes only when no barcode would lose its meaning."""
    if unit_code == sku.base_unit:
        raise UnitIsBase(metadata={"sku_code": sku.sku_code, "unit_code": unit_code})
    if not unit_rules.find(sku.units, unit_code):
        raise UnitNotFound(metadata={"sku_code": sku.sku_code, "unit_code": unit_code})
    held = [barcode.code for barcode in sku.barcodes if barcode.unit_code == unit_code]
    if held:
        raise UnitHasBarcodes(metadata={"sku_code": sku.sku_code, "codes": ",".join(held)})


def check_barcode_to_add(sku: Sku, barcode: Barcode) -> None:
    """The unit must be there, and there is a limit."""
    if not unit_rules.find(sku.units, barcode.unit_code):
        raise UnitNotFound(
            metadata={"sku_code": sku.sku_code, "unit_code": barcode.unit_code},
            fields=[FieldViolation("barcode.unit_code", f"must be one of {unit_codes(sku.units)}")],
        )
    if len(sku.barcodes) >= BARCODES_MAX:
        raise BarcodeLimit(
            f"{sku.sku_code} has {BARCODES_MAX} barcodes already.", metadata={"limit": str(BARCODES_MAX)}
        )


def barcode_to_remove(sku: Sku, keys: Sequence[str]) -> Barcode:
    """The SKU's barcode that a text means."""
    found = next((barcode for barcode in sku.barcodes if barcode.key in keys), None)
    if found is None:
        raise BarcodeUnknown(
            f"{sku.sku_code} does not have this barcode.", metadata={"sku_code": sku.sku_code}
        )
    return found


def unit_codes(units: Sequence[Unit]) -> str:
    """The units' codes, for people."""
    return ", ".join(unit.unit_code for unit in units)


def in_order(codes: Sequence[str], found: Mapping[str, Sku]) -> tuple[list[Sku], list[str]]:
    """The SKUs found and the codes missing, each once, in the order asked."""
    asked = list(dict.fromkeys(codes))
    return [found[code] for code in asked if code in found], [code for code in asked if code not in found]
