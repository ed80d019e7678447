"""Units of measure: whole numbers of base units, converted exactly or not at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_catalog.domain.failures import UnitNotFound

UNIT_CODE = re.compile(r"[a-z][a-z0-9_]{0,15}")
UNIT_CODE_HINT = "must begin with a-z and hold at most 16 of a-z 0-9 _"


@dataclass(frozen=True, slots=True)
class Unit:
    """How many base units one of this unit is."""

    unit_code: str
    base_quantity: int


def find(units: Sequence[Unit], unit_code: str) -> Unit | None:
    """The unit with this code, if there is one."""
    return next((unit for unit in units if unit.unit_code == unit_code), None)


def ordered(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Smallest first: the base unit, then by size."""
    return tuple(sorted(units, key=lambda unit: (unit.base_quantity, unit.unit_code)))


def in_base_units(units: Sequence[Unit], quantity: int, unit_code: str) -> int:
    """So many of a unit, in base units."""
    unit = find(units, unit_code)
    if unit is None:
        raise UnitNotFound(metadata={"unit_code": unit_code})
    return quantity * unit.base_quantity


def in_largest_units(units: Sequence[Unit], base_quantity: int) -> tuple[tuple[int, Unit], ...]:
    """Base units as people would count them: as many of the largest unit as fit, then of the next."""
    parts = []
    for unit in reversed(ordered(units)):
        count, base_quantity = divmod(base_quantity, unit.base_quantity)
        if count:
            parts.append((count, unit))
    return tuple(parts)
