"""A partial confirm: which lines are sold, and which units of which warehouse go back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lumbung_stock.domain.carts import demand_of
from lumbung_stock.domain.levels import LevelKey
from lumbung_stock.domain.reservation_failures import MoreThanHeld
from lumbung_stock.domain.reservations import Draw, Line, Reservation
from lumbung_stock.domain.sourcing import fewest, parts_of


@dataclass(frozen=True, slots=True)
class SoldPart:
    """What is sold of a hold, and the units that go back."""

    lines: tuple[Line, ...]
    kept: tuple[Draw, ...]
    given_back: tuple[Draw, ...]


def part_of(reservation: Reservation, wanted: Sequence[tuple[str, int]]) -> SoldPart:
    """The part of a hold that sells just `wanted`, as (SKU or bundle, units); bundles by whole bundles.

    Raises MoreThanHeld.
    """
    lines = _sold_lines(reservation.lines, _summed(wanted))
    units = _kept_units(lines, reservation.draws)
    kept, given_back = [], []
    for draw in reservation.draws:
        keeps = units.get((draw.warehouse_code, draw.sku_code), 0)
        if keeps:
            kept.append(replace(draw, quantity=keeps))
        if keeps < draw.quantity:
            given_back.append(replace(draw, quantity=draw.quantity - keeps))
    return SoldPart(lines, tuple(kept), tuple(given_back))


def _kept_units(lines: tuple[Line, ...], draws: Sequence[Draw]) -> dict[LevelKey, int]:
    """What the sold lines keep of the draws, from as few warehouses as will do; bundles stay together where they are.

    A sale's bundle may have been drawn over several warehouses: then whichever units come first stay.
    """
    drawn = {(draw.warehouse_code, draw.sku_code): draw.quantity for draw in draws}
    plan = fewest(parts_of(lines), drawn, sorted({draw.warehouse_code for draw in draws}))
    if plan.is_whole:
        return plan.units
    left, kept = demand_of(lines), {}
    for key, units in drawn.items():
        kept[key] = min(units, left.get(key[1], 0))
        left[key[1]] = left.get(key[1], 0) - kept[key]
    return kept


def _sold_lines(held: Sequence[Line], wanted: Mapping[str, int]) -> tuple[Line, ...]:
    """The held lines in their order, each with what is sold of it; those of which nothing is sold are gone."""
    left = dict(wanted)
    sold = []
    for line in held:
        units = min(line.quantity, left.get(line.sku_code, 0))
        if units:
            left[line.sku_code] -= units
            sold.append(replace(line, quantity=units))
    for sku_code, units in left.items():
        if units:
            raise MoreThanHeld(
                f"{wanted[sku_code] - units} of {sku_code} are held, not {wanted[sku_code]}.",
                metadata={
                    "sku_code": sku_code,
                    "asked_quantity": str(wanted[sku_code]),
                    "held_quantity": str(wanted[sku_code] - units),
                },
            )
    return tuple(sold)


def _summed(wanted: Sequence[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for sku_code, units in wanted:
        total[sku_code] = total.get(sku_code, 0) + units
    return total
