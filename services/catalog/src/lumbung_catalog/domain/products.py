"""Products and the axes on which their variants differ."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lumbung_catalog.domain.failures import (
    AxisNotFound,
    AxisOpen,
    OptionsMismatch,
    OptionValueExists,
    OptionValueLimit,
)
from lumbung_catalog.domain.limits import AXIS_VALUES_MAX
from lumbung_catalog.domain.text import folded
from lumbung_kit.failures import FieldViolation


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction in which variants differ; no values means that any value is allowed."""

    name: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One value on one axis."""

    axis: str
    value: str


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product to be created."""

    product_code: str
    name: str
    description: str = ""
    axes: tuple[Axis, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is stored."""

    product_code: str
    name: str
    description: str
    axes: tuple[Axis, ...]
    version: int
    create_time: datetime
    update_time: datetime

    @property
    def etag(self) -> str:
        """Current as long as nobody changed the product."""
        return str(self.version)


def repeated(names: Sequence[str]) -> list[int]:
    """The places of names that mean the same as an earlier one."""
    seen: set[str] = set()
    places = []
    for place, name in enumerate(names):
        if folded(name) in seen:
            places.append(place)
        seen.add(folded(name))
    return places


def matched_options(axes: Sequence[Axis], options: Sequence[Option]) -> tuple[Option, ...]:
    """The options in the order and spelling of the axes: each axis once, with a value that it allows."""
    by_axis = {folded(axis.name): axis for axis in axes}
    problems = [
        FieldViolation(f"options[{i}].axis", "is given twice") for i in repeated([o.axis for o in options])
    ]
    chosen: dict[str, Option] = {}
    for i, option in enumerate(options):
        axis = by_axis.get(folded(option.axis))
        if axis is None:
            problems.append(FieldViolation(f"options[{i}].axis", f"must be one of {_names(axes)}"))
        elif (value := _allowed(axis, option.value)) is None:
            problems.append(FieldViolation(f"options[{i}].value", f"must be one of {', '.join(axis.values)}"))
        else:
            chosen[folded(axis.name)] = Option(axis.name, value)
    missing = [axis.name for axis in axes if not any(folded(o.axis) == folded(axis.name) for o in options)]
    if missing:
        problems.append(FieldViolation("options", f"must give a value for {', '.join(missing)}"))
    if problems:
        raise OptionsMismatch(
            f"The product's axes are {_names(axes)}: {problems[0].field} {problems[0].description}",
            fields=problems,
            metadata={"expected": "; ".join(f"{axis.name}=..." for axis in axes)},
        )
    return tuple(chosen[folded(axis.name)] for axis in axes)


def _allowed(axis: Axis, value: str) -> str | None:
    if not axis.values:
        return " ".join(value.split())
    return next((allowed for allowed in axis.values if folded(allowed) == folded(value)), None)


def with_values(axes: Sequence[Axis], axis_name: str, values: Sequence[str]) -> tuple[Axis, ...]:
    """The axes with further values allowed on one of them, behind those that it has.

    Raises AxisNotFound, AxisOpen, OptionValueExists, OptionValueLimit.
    """
    axis = next((axis for axis in axes if folded(axis.name) == folded(axis_name)), None)
    if axis is None:
        raise AxisNotFound(
            f"The product's axes are {_names(axes)}.",
            metadata={"axis": axis_name, "expected": _names(axes)},
            fields=[FieldViolation("axis", f"must be one of {_names(axes)}")],
        )
    if not axis.values:
        raise AxisOpen(metadata={"axis": axis.name}, fields=[FieldViolation("axis", "has no list of values")])
    _require_new_values(axis, values)
    longer = Axis(axis.name, (*axis.values, *(" ".join(value.split()) for value in values)))
    return tuple(longer if one is axis else one for one in axes)


def _require_new_values(axis: Axis, values: Sequence[str]) -> None:
    there = [(i, _allowed(axis, value)) for i, value in enumerate(values)]
    fields = [FieldViolation(f"values[{i}]", f"is there as {known}") for i, known in there if known]
    if fields:
        raise OptionValueExists(metadata={"axis": axis.name}, fields=fields)
    if len(axis.values) + len(values) > AXIS_VALUES_MAX:
        raise OptionValueLimit(
            f"{axis.name} has {len(axis.values)} values; {AXIS_VALUES_MAX} are the most.",
            metadata={"axis": axis.name, "limit": str(AXIS_VALUES_MAX)},
        )


def _names(axes: Sequence[Axis]) -> str:
    return ", ".join(axis.name for axis in axes) or "none"


def option_key(options: Sequence[Option]) -> str:
    """What must be unique within a product: the combination, without regard to order, case and spacing."""
    return json.dumps(sorted([folded(o.axis), folded(o.value)] for o in options), ensure_ascii=False)
