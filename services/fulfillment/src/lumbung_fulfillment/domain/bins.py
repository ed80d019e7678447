"""Which bin gives the goods.

Of several bins with a SKU, the one that is on the way: lines that have no choice set the walk, the others are
taken where they lengthen it least. Bulk places behind the pick faces are drawn on only when nothing else has
the SKU. What is taken is taken off the supply, so that two pickers are never sent to the same last unit.

Of a SKU with lots, the bins with the lot that expires first come before all others, and only for as many units as
they have of it: stock takes the lot of a bin that expires first, too, so what is promised is of that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum

from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.lots import PlannedLot, together
from lumbung_fulfillment.domain.routing import walk_m

_CANDIDATES_MAX = 12


class BinKind(Enum):
    """What a place is for."""

    PICK = "pick"
    FORWARD = "forward"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Bin:
    """A place for goods, and where it is."""

    code: str
    stop: Stop
    kind: BinKind = BinKind.PICK
    capacity_units: int = 0
    """Room for so many base units; 0 when nobody has said."""

    @property
    def is_reserve(self) -> bool:
        """Drawn on only when nothing else has the SKU."""
        return self.kind is BinKind.BULK


@dataclass(frozen=True, slots=True)
class Pick:
    """So many of a SKU from one bin, and of which lots where it holds any."""

    bin_code: str
    stop: Stop
    sku_code: str
    quantity: int
    lots: tuple[PlannedLot, ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """What one order still needs, by SKU."""

    order_id: str
    quantities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Missing:
    """An order that cannot be picked whole, and the SKUs of which there is not enough."""

    order_id: str
    sku_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LotUnits:
    """Units of one lot, good until a day; they may be sold until an instant before."""

    expires_on: date
    quantity: int
    lot_code: str = ""
    sale_end: datetime | None = None


@dataclass(slots=True)
class Supply:
    """Units that may be sent for, by SKU and bin: the ledger's, less what is promised to other picks."""

    bins: Mapping[str, Bin]
    _units: dict[str, dict[str, int]] = field(default_factory=dict)
    _lots: dict[tuple[str, str], tuple[LotUnits, ...]] = field(default_factory=dict)

    def add(self, bin_code: str, sku_code: str, quantity: int, lots: Sequence[LotUnits] = ()) -> None:
        """Units of a bin that we know; below zero for units that are promised to others. `lots` are what of them has
        one."""
        if bin_code in self.bins:
            by_bin = self._units.setdefault(sku_code, {})
            by_bin[bin_code] = by_bin.get(bin_code, 0) + quantity
            if lots:
                self._lots[bin_code, sku_code] = tuple(sorted(lots, key=lambda lot: lot.expires_on))

    def forget(self, bin_code: str, sku_code: str) -> None:
        """Nothing is to be taken from here, whatever the ledger says."""
        self._units.get(sku_code, {}).pop(bin_code, None)

    def of(self, sku_code: str) -> list[tuple[Bin, int]]:
        """Bins that have what of the SKU expires first and how many, pick faces before bulk."""
        found = [
            (*self._next(code, sku_code, units)[:2], self.bins[code])
            for code, units in self._units.get(sku_code, {}).items()
            if units > 0
        ]
        first = min((day for day, _, _ in found), default=date.min)
        nearest = [(place, units) for day, units, place in found if day == first]
        return sorted(nearest, key=lambda entry: (entry[0].is_reserve, entry[0].stop, entry[0].code))

    def total(self, sku_code: str) -> int:
        """Units of all bins."""
        return sum(max(0, units) for units in self._units.get(sku_code, {}).values())

    def next_lots(self, bin_code: str, sku_code: str, quantity: int) -> tuple[PlannedLot, ...]:
        """So many of what leaves a bin next, which has as many of it, as the lot that it is of; none without lots."""
        if (bin_code, sku_code) not in self._lots:
            return ()
        _, _, lot = self._next(bin_code, sku_code, self._units[sku_code][bin_code])
        if lot is None:
            return (PlannedLot("", quantity),)
        expires_on = None if lot.expires_on == date.max else lot.expires_on
        return (PlannedLot(lot.lot_code, quantity, expires_on, lot.sale_end),)

    def _next(self, bin_code: str, sku_code: str, units: int) -> tuple[date, int, LotUnits | None]:
        """What leaves a bin next, of so many that are left: until when it is good, how many of it, and which lot it is.
        What has no lot came before the first lot."""
        behind = units
        for lot in reversed(self._lots.get((bin_code, sku_code), ())):
            if behind <= lot.quantity:
                return lot.expires_on, behind, lot
            behind -= lot.quantity
        return date.min, behind, None

    def take(self, picks: Iterable[Pick]) -> None:
        """These units are spoken for."""
        for pick in picks:
            self._units[pick.sku_code][pick.bin_code] -= pick.quantity


def choose(layout: Layout, need: Need, supply: Supply) -> list[Pick] | Missing:
    """Picks that cover the whole need, taken off the supply; or what is missing, and the supply as it was."""
    missing = [sku for sku, quantity in need.quantities.items() if supply.total(sku) < quantity]
    if missing:
        return Missing(need.order_id, tuple(sorted(missing)))
    picks: list[Pick] = []
    for sku in sorted(need.quantities, key=lambda sku: (len(supply.of(sku)), sku)):
        picks += source(layout, sku, need.quantities[sku], supply, [pick.stop for pick in picks])
    return picks


def source(layout: Layout, sku_code: str, quantity: int, supply: Supply, way: Sequence[Stop]) -> list[Pick]:
    """Up to so many of a SKU, from few bins, each the least detour from the way; taken off the supply."""
    picks: list[Pick] = []
    while quantity > 0 and (candidates := supply.of(sku_code)):
        chosen, units = _best(layout, candidates, quantity, [*way, *(pick.stop for pick in picks)])
        taken = min(units, quantity)
        lots = supply.next_lots(chosen.code, sku_code, taken)
        pick = Pick(chosen.code, chosen.stop, sku_code, taken, lots)
        supply.take([pick])
        picks.append(pick)
        quantity -= pick.quantity
    return _together(picks)


def _together(picks: Sequence[Pick]) -> list[Pick]:
    """One pick for each bin, at the place of its first: a bin gives several lots of a SKU one after the other."""
    of_bin: dict[str, list[Pick]] = {}
    for pick in picks:
        of_bin.setdefault(pick.bin_code, []).append(pick)
    return [
        replace(
            some[0],
            quantity=sum(pick.quantity for pick in some),
            lots=together(lot for pick in some for lot in pick.lots),
        )
        for some in of_bin.values()
    ]


def _best(
    layout: Layout, candidates: Sequence[tuple[Bin, int]], quantity: int, way: Sequence[Stop]
) -> tuple[Bin, int]:
    """Pick faces before bulk; a bin that has it all before one that has a part; then the least detour."""
    nearest_kind = [entry for entry in candidates if entry[0].is_reserve == candidates[0][0].is_reserve]
    whole = [entry for entry in nearest_kind if entry[1] >= quantity]
    near = sorted(whole or nearest_kind, key=lambda entry: _roughly(layout, entry[0].stop, way))[
        :_CANDIDATES_MAX
    ]
    if len(near) == 1:
        return near[0]
    return min(
        near,
        key=lambda entry: (walk_m(layout, [*way, entry[0].stop]), -min(entry[1], quantity), entry[0].code),
    )


def _roughly(layout: Layout, stop: Stop, way: Sequence[Stop]) -> tuple[float, Stop]:
    """How far a stop is from the nearest one on the way, or from the depot."""
    return min([layout.depot_distance_m(stop), *(layout.distance_m(stop, other) for other in way)]), stop
