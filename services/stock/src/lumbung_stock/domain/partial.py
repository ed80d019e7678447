"""A partial confirm: which lines are sold, and which units of which warehouse go back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lumbung_stock.domain.carts import demand_of
from lumbung_stock.domain.reservation_failures import MoreThanHeld
from lumbung_stock.domain.reservations import Draw, Line, Reservation


@dataclass(frozen=True, slots=True)
class Part:
    """What is sold of a hold, and the units that go back."""

    lines: tuple[Line, ...]
    kept: tuple[Draw, ...]
    given_back: tuple[Draw, ...]


def part_of(reservation: Reservation, wanted: Sequence[tuple[str, int]]) -> Part:
    """The part of a hold that sells just `wanted`, as (SKU or bundle, units); bundles by whole bundles.

    Raises MoreThanHeld.
    """
    lines = _sold_lines(reservation.lines, _summed(wanted))
    left = demand_of(lines)
    kept, given_back = [], []
    for draw in reservation.draws:
        units = min(draw.quantity, left.get(draw.sku_code, 0))
        left[draw.sku_code] = left.get(draw.sku_code, 0) - units
        if units:
            kept.append(replace(draw, quantity=units))
        if units < draw.quantity:
            given_back.append(replace(draw, quantity=draw.quantity - units))
    return Part(lines, tuple(kept), tuple(given_back))


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
