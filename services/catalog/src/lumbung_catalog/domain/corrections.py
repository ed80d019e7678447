"""Corrections: what is otherwise fixed of a SKU may be set right as long as nothing uses it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumbung_catalog.domain import units
from lumbung_catalog.domain.barcodes import Barcode
from lumbung_catalog.domain.failures import SkuInUse, UnitExists
from lumbung_catalog.domain.limits import USES_NAMED_MAX
from lumbung_catalog.domain.products import Option
from lumbung_catalog.domain.skus import Sku
from lumbung_kit.failures import ConcurrentChange, PreconditionViolation

BEGIN_MARGIN_S = 10.0
"""Of a seal's time, kept for clocks that do not run alike and for an answer that is on its way."""
RETRY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be set right; what is None stays."""

    product_code: str | None = None
    options: tuple[Option, ...] | None = None
    base_unit: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a SKU is to be, and what it was."""

    before: Sku
    product_code: str
    options: tuple[Option, ...]
    base_unit: str

    @property
    def moved_barcodes(self) -> tuple[Barcode, ...]:
        """Those of the old base unit, which go to the new one; none while it stays."""
        if self.base_unit == self.before.base_unit:
            return ()
        held = (barcode for barcode in self.before.barcodes if barcode.unit_code == self.before.base_unit)
        return tuple(replace(barcode, unit_code=self.base_unit) for barcode in held)


@dataclass(frozen=True, slots=True)
class Use:
    """One thing that uses a SKU: `by` is its kind, such as LISTING, `document` its name."""

    sku_code: str
    by: str
    document: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """Nothing begins to use the SKU for a while.

    `begin_until_s` is by the clock of whoever asked for the seal: a change that begins by then ends before it does.
    """

    begin_until_s: float

    @classmethod
    def asked_at(cls, asked_s: float, seal_s: float, change_s_max: float) -> "Sealed":
        """A seal of `seal_s`, counted from before it was asked for, under a change that takes at most so long."""
        return cls(asked_s + seal_s - change_s_max - BEGIN_MARGIN_S)

    def require_time(self, now_s: float) -> None:
        """Raises ConcurrentChange when the seal might end before the change does."""
        if now_s > self.begin_until_s:
            raise ConcurrentChange(
                "It took too long to begin: stock may have let the SKU be used meanwhile; try again.",
                retry_after_s=RETRY_AFTER_S,
            )


def require_new_base_unit(sku: Sku, base_unit: str) -> None:
    """A unit that holds several base units cannot be the base unit too. Raises UnitExists."""
    known = units.find(sku.units, base_unit)
    if known is not None and base_unit != sku.base_unit:
        raise UnitExists(
            f"{base_unit} is {known.base_quantity} {sku.base_unit} already; remove that unit first.",
            metadata={"sku_code": sku.sku_code, "unit_code": base_unit},
        )


def require_unused(uses: Sequence[Use]) -> None:
    """Raises SkuInUse, naming what uses which."""
    if uses:
        first = uses[0]
        raise SkuInUse(
            f"{first.sku_code} is used: {first.by} {first.document}".rstrip() + ".",
            metadata={"sku_code": first.sku_code, "used_by": first.by},
            preconditions=[
                PreconditionViolation(use.by, use.sku_code, f"used by {use.document or use.by}")
                for use in uses[:USES_NAMED_MAX]
            ],
        )
