"""Which warehouses give a cart its units.

A plan covers the whole demand or is none. What is put together in one warehouse is a *part*: a unit of a plain SKU,
a whole bundle, or all bundles of the cart that share a component. Bundles that share nothing may each come from
another warehouse, and so may the units of a plain SKU; the components of one bundle never do.

Because no two bundle parts share a SKU, taking bundles first and plain units after them, warehouse by warehouse, finds
a plan over given warehouses whenever there is one: plain units only need the sum that the bundles leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import combinations

from lumbung_stock.domain.geography import GeoPoint
from lumbung_stock.domain.levels import LevelKey
from lumbung_stock.domain.reservations import Line, RefusedLine

EXACT_WAREHOUSES_MAX = 8
"""Among so many warehouses that have anything of the cart, FEWEST_PARCELS looks at every choice of them."""


class SourcingPolicy(IntEnum):
    """In which order warehouses are asked; numbers as in the contract."""

    PRIORITY = 1
    FEWEST_PARCELS = 2
    NEAREST = 3


@dataclass(frozen=True, slots=True)
class Sourcing:
    """How a cart wants to be sourced. `destination` is NEAREST's."""

    policy: SourcingPolicy = SourcingPolicy.PRIORITY
    allow_split: bool = False
    destination: GeoPoint | None = None


BY_PRIORITY = Sourcing()
"""All of it from the first warehouse by priority that has it."""


@dataclass(frozen=True, slots=True)
class Part:
    """So many pieces of which each is put together in one warehouse, out of these units of plain SKUs."""

    components: tuple[tuple[str, int], ...]
    quantity: int


@dataclass(slots=True)
class Plan:
    """What warehouses give, and how many pieces of each part none of them could."""

    left: list[int]
    units: dict[LevelKey, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is covered."""
        return not any(self.left)


def parts_of(lines: Sequence[Line]) -> tuple[Part, ...]:
    """The parts of a cart: bundles first, then plain SKUs; the same SKU in several lines is summed."""
    sums: dict[tuple[tuple[str, int], ...], int] = {}
    bundles = set()
    for line in lines:
        components = tuple(sorted(line.components))
        sums[components] = sums.get(components, 0) + line.quantity
        if components != ((line.sku_code, 1),):
            bundles.add(components)
    whole = [Part(components, units) for components, units in sums.items() if components in bundles]
    plain = [Part(components, units) for components, units in sums.items() if components not in bundles]
    return (*map(_together, _sharing(whole)), *plain)


def fill(parts: Sequence[Part], free: Mapping[LevelKey, int], warehouses: Sequence[str]) -> Plan:
    """Takes as much as each warehouse has, in their order."""
    plan = Plan([part.quantity for part in parts])
    for warehouse in warehouses:
        for index, part in enumerate(parts):
            pieces = min(plan.left[index], _possible(part, warehouse, free, plan.units))
            if pieces:
                plan.left[index] -= pieces
                for sku_code, per_piece in part.components:
                    key = (warehouse, sku_code)
                    plan.units[key] = plan.units.get(key, 0) + pieces * per_piece
    return plan


def fewest(parts: Sequence[Part], free: Mapping[LevelKey, int], warehouses: Sequence[str]) -> Plan:
    """The plan over the fewest warehouses; of several, the one over those that come first. Not whole when there is
    none. Exact for EXACT_WAREHOUSES_MAX warehouses that have anything of it; with more, each step adds the one that
    covers most of what is left, and whoever is not needed in the end is left out.
    """
    skus = {sku_code for part in parts for sku_code, _ in part.components}
    useful = [code for code in warehouses if any(free.get((code, sku_code), 0) > 0 for sku_code in skus)]
    widest = fill(parts, free, useful)
    if not widest.is_whole:
        return widest
    if len(useful) > EXACT_WAREHOUSES_MAX:
        return _step_by_step(parts, free, useful)
    for count in range(_at_least(parts, free, useful), len(useful)):
        for some in combinations(useful, count):
            plan = fill(parts, free, some)
            if plan.is_whole:
                return plan
    return widest


def refused_lines(
    lines: Sequence[Line], parts: Sequence[Part], free: Mapping[LevelKey, int], warehouses: Sequence[str]
) -> tuple[RefusedLine, ...]:
    """Why no plan over these warehouses covers the cart (P6): lines whose SKU is short in all of them together, and
    bundles of which no warehouse can put together enough.

    `available_quantity` is what could be had of the line by itself.
    """
    had = {sku: sum(max(0, free.get((code, sku), 0)) for code in warehouses) for sku in _demand(parts)}
    short = {sku_code for sku_code, units in _demand(parts).items() if units > had[sku_code]}
    plan = fill(parts, free, warehouses)
    torn = {
        sku_code
        for part, left in zip(parts, plan.left, strict=True)
        if left and not any(sku_code in short for sku_code, _ in part.components)
        for sku_code, _ in part.components
    }
    refused = []
    for index, line in enumerate(lines):
        blocking = [part for part in line.components if part[0] in short]
        if not blocking and line.components != ((line.sku_code, 1),):
            blocking = [part for part in line.components if part[0] in torn]
        if blocking:
            piece = Part(line.components, line.quantity)
            whole = sum(_possible(piece, code, free, {}) for code in warehouses)
            scarcest = min(blocking, key=lambda part: had[part[0]] // part[1])
            refused.append(RefusedLine(index, line.sku_code, line.quantity, whole, scarcest[0]))
    return tuple(refused)


def _possible(part: Part, warehouse: str, free: Mapping[LevelKey, int], taken: Mapping[LevelKey, int]) -> int:
    """Pieces that the warehouse can still put together."""
    return max(
        0,
        min(
            (free.get((warehouse, sku_code), 0) - taken.get((warehouse, sku_code), 0)) // per_piece
            for sku_code, per_piece in part.components
        ),
    )


def _sharing(bundles: Sequence[Part]) -> list[list[Part]]:
    """Bundles in groups: two that share a component, directly or over others, are in one."""
    groups: list[tuple[set[str], list[Part]]] = []
    for bundle in bundles:
        skus, members = {sku_code for sku_code, _ in bundle.components}, [bundle]
        apart = []
        for group in groups:
            if group[0] & skus:
                skus, members = skus | group[0], group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (skus, members)]
    return [members for _, members in groups]


def _together(group: Sequence[Part]) -> Part:
    """One part of a group of bundles: by the piece when it is alone, else all of them at once."""
    return group[0] if len(group) == 1 else Part(tuple(sorted(_demand(group).items())), 1)


def _demand(parts: Sequence[Part]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for sku_code, per_piece in part.components:
            total[sku_code] = total.get(sku_code, 0) + part.quantity * per_piece
    return total


def _at_least(parts: Sequence[Part], free: Mapping[LevelKey, int], warehouses: Sequence[str]) -> int:
    """So many warehouses are needed at least: for the SKU that is spread most thinly."""
    most = 1
    for sku_code, units in _demand(parts).items():
        count, left = 0, units
        for has in sorted((free.get((code, sku_code), 0) for code in warehouses), reverse=True):
            if left <= 0:
                break
            count, left = count + 1, left - has
        most = max(most, count)
    return most


def _step_by_step(parts: Sequence[Part], free: Mapping[LevelKey, int], useful: Sequence[str]) -> Plan:
    """A plan over few warehouses, not proven fewest. All of `useful` together must cover the parts."""
    chosen: list[str] = []
    plan = fill(parts, free, chosen)
    while not plan.is_whole:
        rest = [code for code in useful if code not in chosen]
        chosen.append(min(rest, key=lambda code: _uncovered(parts, fill(parts, free, [*chosen, code]))))
        plan = fill(parts, free, chosen)
    return _without_idlers(parts, free, chosen)


def _without_idlers(parts: Sequence[Part], free: Mapping[LevelKey, int], chosen: Sequence[str]) -> Plan:
    """The plan over those of the chosen that cannot be left out: what came first may be needed no more."""
    needed = list(chosen)
    for code in chosen:
        others = [other for other in needed if other != code]
        if fill(parts, free, others).is_whole:
            needed = others
    return fill(parts, free, needed)


def _uncovered(parts: Sequence[Part], plan: Plan) -> float:
    return sum(left / part.quantity for part, left in zip(parts, plan.left, strict=True))
