"""Instances to try a planner on, by a seed: floors and orders like those of the literature, and like a web shop's.

`literature` draws as Henn and Waescher (2012) describe theirs: ten aisles of two rows of 45 cells, 5 m apart, orders of
5 to 25 articles, positions uniform or by class (the aisle nearest to the depot has 52 % of the demand, the next three
36 %, the other six 12 %). Their own files are not used.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from lumbung_dev.waves.pickwave import FORMAT

_AISLES = 10
_CELLS = 45
_CLASS_WEIGHTS = [52.0, *[12.0] * 3, *[2.0] * 6]


@dataclass(frozen=True, slots=True)
class Floor:
    """So many aisles, so far apart, of so many cells of a metre, cut by cross-aisles into blocks."""

    aisles: int = _AISLES
    apart_m: float = 5.0
    cells: int = _CELLS
    blocks: int = 1

    def warehouse(self) -> dict[str, Any]:
        """As a file has it."""
        length = self.cells + 2.0
        crossings = [round(length * n / self.blocks, 3) for n in range(self.blocks + 1)]
        locations = [
            {"id": f"{aisle + 1:02}-{cell + 1:03}{side}", "aisle": aisle, "y": cell + 1.5, "side": side}
            for aisle in range(self.aisles)
            for cell in range(self.cells)
            for side in "LR"
        ]
        return {
            "aisle_x": [aisle * self.apart_m for aisle in range(self.aisles)],
            "cross_aisle_y": crossings,
            "depot": {"aisle": 0, "cross_aisle": 0},
            "locations": locations,
        }


def literature(seed: int, orders: int, capacity: int, *, by_class: bool) -> dict[str, Any]:
    """Orders of 5 to 25 articles, each one unit from one place."""
    draw = random.Random(f"literature {seed} {orders} {capacity} {by_class}")
    floor = Floor()
    weights = _CLASS_WEIGHTS if by_class else [1.0] * _AISLES
    asked = [_order(draw, number, draw.randint(5, 25), floor, weights) for number in range(orders)]
    return _instance(f"literature {seed}", floor, capacity, asked)


def web_shop(
    seed: int, lines: int, capacity: int = 60, floor: Floor | None = None, *, timed: bool = False
) -> dict[str, Any]:
    """Orders of few lines, most of one or two, with demand by class, until there are so many lines together."""
    draw = random.Random(f"web shop {seed} {lines} {capacity} {timed}")
    floor = floor or Floor(20, 4.0, 60)
    fast = max(1, floor.aisles // 10)
    middle = max(1, floor.aisles * 3 // 10)
    slow = max(1, floor.aisles - fast - middle)
    weights = ([52.0 / fast] * fast + [36.0 / middle] * middle + [12.0 / slow] * slow)[: floor.aisles]
    asked: list[dict[str, Any]] = []
    count = 0
    while count < lines:
        size = min(lines - count, draw.choices([1, 2, 3, 5, 8, 13], [34, 24, 16, 14, 8, 4])[0])
        asked.append(_order(draw, len(asked), size, floor, weights))
        count += size
    instance = _instance(f"web shop {seed}", floor, capacity, asked)
    if timed:
        _with_times(draw, instance, lines)
    return instance


def _order(draw: random.Random, number: int, size: int, floor: Floor, weights: list[float]) -> dict[str, Any]:
    aisles = draw.choices(range(floor.aisles), weights, k=size)
    places = [f"{aisle + 1:02}-{draw.randint(1, floor.cells):03}{draw.choice('LR')}" for aisle in aisles]
    return {"id": f"O{number + 1:04}", "lines": [{"loc": place, "qty": 1} for place in places]}


def _instance(name: str, floor: Floor, capacity: int, orders: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": name,
        "warehouse": floor.warehouse(),
        "cart": {"capacity_units": capacity},
        "orders": orders,
    }


def _with_times(draw: random.Random, instance: dict[str, Any], lines: int) -> None:
    """Three couriers; the team needs about as long as the last one leaves it."""
    labour = {"pickers": 2, "walk_m_per_s": 1.0, "pick_s_per_line": 8.0, "setup_s_per_cart": 90.0}
    all_min = lines * 17.0 / 60.0
    for order in instance["orders"]:
        order["cutoff_min"] = round(all_min * draw.choice([0.35, 0.6, 1.0]), 1)
    instance["labour"] = labour
