"""The file format `pickwave/1`: a floor, orders and a cart in, carts with their picks in walking order out.

Picking aisles are vertical lines at `aisle_x`, cross-aisles horizontal ones at `cross_aisle_y`; a location lies on an
aisle at a `y`. A plan lists carts in the order in which free pickers take them, each with its orders, one location for
each order line in walking order, and the walk from the depot and back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumbung_dev.local.trouble import Trouble
from lumbung_fulfillment.domain.cart import Job, Load
from lumbung_fulfillment.domain.failures import LayoutUnusable
from lumbung_fulfillment.domain.layout import Layout, Stop

FORMAT = "pickwave/1"
FILE_BYTES_MAX = 64 << 20
ORDERS_MAX = 20_000
LINES_MAX = 100_000
UNITS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """So many units from one location."""

    location: str
    units: int


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One order; `wanted_s` is the second by which it has to be picked, counted from the beginning, if any."""

    order_id: str
    lines: tuple[Line, ...]
    wanted_s: float | None

    @property
    def units(self) -> int:
        """What it takes of a cart."""
        return sum(line.units for line in self.lines)


@dataclass(frozen=True, slots=True)
class FileLabour:
    """Who picks, and how fast."""

    pickers: int
    walk_m_per_s: float
    pick_s_per_line: float
    setup_s_per_cart: float


@dataclass(frozen=True, slots=True)
class Instance:
    """What a file asks for."""

    name: str
    layout: Layout
    stops: Mapping[str, Stop]
    orders: tuple[FileOrder, ...]
    capacity_units: int
    labour: FileLabour | None

    def jobs(self) -> list[Job]:
        """The orders as the planner sees them, in order of arrival; those larger than a cart are not among them."""
        return [
            Job(
                order.order_id,
                frozenset(self.stops[line.location] for line in order.lines),
                Load(units=order.units, totes=1, picks=len(order.lines)),
                rank,
            )
            for rank, order in enumerate(self.orders)
            if order.units <= self.capacity_units
        ]

    def wanted_s(self) -> dict[str, float]:
        """By order id, for those that are wanted by a time."""
        return {order.order_id: order.wanted_s for order in self.orders if order.wanted_s is not None}


def read(path: Path) -> Instance:
    """The file's instance. Raises Trouble that names the field that is wrong, and what would be right."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Trouble(f"{path} has more than {FILE_BYTES_MAX >> 20} MB")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Trouble(f"{path} is no JSON: {error}") from None
    try:
        return read_content(content)
    except (_WrongError, LayoutUnusable) as error:
        raise Trouble(f"{path}: {error}") from None


def read_content(content: Any) -> Instance:
    """As `read`, of what the file has in it."""
    return _Reader(content).instance()


class _WrongError(Exception):
    """A field, and what would be right."""


class _Reader:
    """Reads one instance, field by field."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def instance(self) -> Instance:
        top = _object(self._content, "the file")
        if top.get("format") != FORMAT:
            raise _WrongError(f'format must be "{FORMAT}", not {json.dumps(top.get("format"))}')
        warehouse = _object(top.get("warehouse"), "warehouse")
        layout = _layout(warehouse)
        stops = _stops(warehouse, layout)
        cart = _object(top.get("cart"), "cart")
        orders = _orders(top.get("orders"), stops)
        labour = _labour(top["labour"]) if top.get("labour") is not None else None
        if labour is None and any(order.wanted_s is not None for order in orders):
            raise _WrongError("labour must say who picks and how fast, since orders have a cutoff_min")
        name = top.get("name", "")
        return Instance(
            name if isinstance(name, str) else "",
            layout,
            stops,
            orders,
            _whole(cart.get("capacity_units"), "cart.capacity_units", 1, UNITS_MAX),
            labour,
        )


def _layout(warehouse: Mapping[str, Any]) -> Layout:
    aisles = _numbers(warehouse.get("aisle_x"), "warehouse.aisle_x")
    crossings = _numbers(warehouse.get("cross_aisle_y"), "warehouse.cross_aisle_y")
    depot = _object(warehouse.get("depot"), "warehouse.depot")
    aisle = _whole(depot.get("aisle"), "warehouse.depot.aisle", 0, max(0, len(aisles) - 1))
    _whole(depot.get("cross_aisle", 0), "warehouse.depot.cross_aisle (the front)", 0, 0)
    return Layout(aisles, crossings, aisles[aisle])


def _stops(warehouse: Mapping[str, Any], layout: Layout) -> dict[str, Stop]:
    stops: dict[str, Stop] = {}
    for number, entry in enumerate(_list(warehouse.get("locations"), "warehouse.locations")):
        field = f"warehouse.locations[{number}]"
        location = _object(entry, field)
        code = _text(location.get("id"), f"{field}.id")
        if code in stops:
            raise _WrongError(f"{field}.id {json.dumps(code)} is there twice")
        aisle = _whole(location.get("aisle"), f"{field}.aisle", 0, len(layout.aisle_x) - 1)
        stop = Stop(aisle, _number(location.get("y"), f"{field}.y"))
        layout.check(stop)
        stops[code] = stop
    return stops


def _orders(value: Any, stops: Mapping[str, Stop]) -> tuple[FileOrder, ...]:
    entries = _list(value, "orders")
    if len(entries) > ORDERS_MAX:
        raise _WrongError(f"orders must be at most {ORDERS_MAX}, not {len(entries)}")
    orders = [_order(entry, f"orders[{number}]", stops) for number, entry in enumerate(entries)]
    seen: set[str] = set()
    for number, order in enumerate(orders):
        if order.order_id in seen:
            raise _WrongError(f"orders[{number}].id {json.dumps(order.order_id)} is there twice")
        seen.add(order.order_id)
    if sum(len(order.lines) for order in orders) > LINES_MAX:
        raise _WrongError(f"orders must have at most {LINES_MAX} lines together")
    return tuple(orders)


def _order(entry: Any, field: str, stops: Mapping[str, Stop]) -> FileOrder:
    order = _object(entry, field)
    lines = [
        _line(line, f"{field}.lines[{number}]", stops)
        for number, line in enumerate(_list(order.get("lines"), f"{field}.lines"))
    ]
    if not lines:
        raise _WrongError(f"{field}.lines must not be empty")
    cutoff = order.get("cutoff_min")
    wanted_s = None if cutoff is None else 60.0 * _number(cutoff, f"{field}.cutoff_min", at_least=0.0)
    return FileOrder(_text(order.get("id"), f"{field}.id"), tuple(lines), wanted_s)


def _line(entry: Any, field: str, stops: Mapping[str, Stop]) -> Line:
    line = _object(entry, field)
    location = _text(line.get("loc"), f"{field}.loc")
    if location not in stops:
        raise _WrongError(f"{field}.loc {json.dumps(location)} is none of warehouse.locations")
    return Line(location, _whole(line.get("qty"), f"{field}.qty", 1, UNITS_MAX))


def _labour(value: Any) -> FileLabour:
    labour = _object(value, "labour")
    speed = _number(labour.get("walk_m_per_s"), "labour.walk_m_per_s", at_least=0.01)
    return FileLabour(
        _whole(labour.get("pickers"), "labour.pickers", 1, 500),
        speed,
        _number(labour.get("pick_s_per_line"), "labour.pick_s_per_line", at_least=0.0),
        _number(labour.get("setup_s_per_cart"), "labour.setup_s_per_cart", at_least=0.0),
    )


def _object(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError(f"{field} must be an object")
    return value


def _list(value: Any, field: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _WrongError(f"{field} must be a list")
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value:
        raise _WrongError(f"{field} must be a text that is not empty")
    return value


def _whole(value: Any, field: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _WrongError(f"{field} must be a whole number from {low} to {high}, not {json.dumps(value)}")
    return value


def _number(value: Any, field: str, at_least: float = -1e6) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not at_least <= value <= 1e6:
        raise _WrongError(f"{field} must be a number from {at_least:g} to 1000000, not {json.dumps(value)}")
    return float(value)


def _numbers(value: Any, field: str) -> tuple[float, ...]:
    return tuple(_number(entry, f"{field}[{number}]") for number, entry in enumerate(_list(value, field)))
