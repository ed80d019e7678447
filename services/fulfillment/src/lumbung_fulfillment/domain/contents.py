"""What lies in the bins, and how much room is left in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from lumbung_fulfillment.domain.bins import Bin


@dataclass(frozen=True, slots=True)
class LyingLot:
    """Units of one lot in one bin, good until a day; date.max for a lot that does not expire."""

    lot_code: str
    expires_on: date
    quantity: int
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Lying:
    """All units of a SKU in a bin, whether they may be sold or not, and those of them that have a lot."""

    bin_code: str
    sku_code: str
    quantity: int
    lots: tuple[LyingLot, ...] = ()

    @property
    def sellable_quantity(self) -> int:
        """Units that have not expired."""
        return self.quantity - sum(lot.quantity for lot in self.lots if lot.expired)


class Contents:
    """What lies where, with what is about to be put there."""

    def __init__(self, bins: Mapping[str, Bin], lying: Iterable[Lying]) -> None:
        """What lies at places that are no bins (RECEIVING, PACKING, ...) is left out."""
        self.bins = bins
        self._units: dict[str, dict[str, int]] = {}
        self._lots: dict[tuple[str, str], set[str]] = {}
        self._places: dict[str, set[str]] = {}
        for each in lying:
            if each.bin_code in bins and each.quantity > 0:
                codes = {lot.lot_code for lot in each.lots} or {""}
                self._put(each.bin_code, each.sku_code, each.quantity, codes)

    def units(self, bin_code: str) -> Mapping[str, int]:
        """Units by SKU."""
        return self._units.get(bin_code, {})

    def is_free(self, bin_code: str) -> bool:
        """Whether nothing lies there."""
        return not self._units.get(bin_code)

    def places(self, sku_code: str) -> list[Bin]:
        """Bins that hold the SKU."""
        return [self.bins[code] for code in sorted(self._places.get(sku_code, ()))]

    def lot_codes(self, bin_code: str, sku_code: str) -> frozenset[str]:
        """Lots of a SKU in a bin; an empty code stands for units without one."""
        return frozenset(self._lots.get((bin_code, sku_code), ()))

    def room(self, bin_code: str) -> int | None:
        """Units for which there is room; none when nobody has said how many fit."""
        capacity = self.bins[bin_code].capacity_units
        if not capacity:
            return None
        return max(0, capacity - sum(self.units(bin_code).values()))

    def put(self, bin_code: str, sku_code: str, quantity: int, lot_code: str = "") -> None:
        """These units are about to lie there."""
        self._put(bin_code, sku_code, quantity, {lot_code})

    def _put(self, bin_code: str, sku_code: str, quantity: int, lot_codes: set[str]) -> None:
        there = self._units.setdefault(bin_code, {})
        there[sku_code] = there.get(sku_code, 0) + quantity
        self._lots.setdefault((bin_code, sku_code), set()).update(lot_codes)
        self._places.setdefault(sku_code, set()).add(bin_code)
