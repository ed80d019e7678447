"""A warehouse and its stops as the columns that a tour crosses from left to right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing.automaton import Way


@dataclass(frozen=True, slots=True)
class Column:
    """One vertical line: its x, and per block the stops in it and what each way through it costs.

    A depot between two aisles is a column of its own without blocks.
    """

    x: float
    stops: tuple[tuple[Stop, ...], ...]
    costs: tuple[tuple[tuple[Way, float], ...], ...]
    has_depot: bool


def columns(layout: Layout, stops: Sequence[Stop]) -> list[Column]:
    """The columns from the leftmost to the rightmost that a tour has to touch, for distinct stops, sorted."""
    by_aisle: dict[int, list[Stop]] = defaultdict(list)
    for stop in stops:
        by_aisle[stop.aisle].append(stop)
    low = min(layout.depot_x, layout.aisle_x[min(by_aisle)])
    high = max(layout.depot_x, layout.aisle_x[max(by_aisle)])
    between = [aisle for aisle, x in enumerate(layout.aisle_x) if low <= x <= high]
    found = [
        _column(layout, aisle, by_aisle[aisle]) if aisle in by_aisle else _empty_column(layout, aisle)
        for aisle in between
    ]
    if layout.depot_x not in layout.aisle_x:
        found.append(Column(layout.depot_x, (), (), has_depot=True))
        found.sort(key=lambda column: column.x)
    return found


@lru_cache(maxsize=1024)
def _empty_column(layout: Layout, aisle: int) -> Column:
    """Most columns of a short walk have no stop, and look the same in every one."""
    return _column(layout, aisle, ())


def _column(layout: Layout, aisle: int, stops: Sequence[Stop]) -> Column:
    blocks: list[list[Stop]] = [[] for _ in range(layout.block_count)]
    for stop in stops:
        blocks[layout.block_of(stop.y)].append(stop)
    ends = pairwise(layout.cross_aisle_y)
    costs = tuple(_costs(*end, [stop.y for stop in block]) for end, block in zip(ends, blocks, strict=True))
    x = layout.aisle_x[aisle]
    return Column(x, tuple(tuple(block) for block in blocks), costs, has_depot=x == layout.depot_x)


def _costs(front: float, back: float, ys: Sequence[float]) -> tuple[tuple[Way, float], ...]:
    """What each way through a block costs; `ys` ascend. Ways that would miss a stop are left out."""
    length = back - front
    through = ((Way.THROUGH, length), (Way.TWICE, 2 * length))
    if not ys:
        return ((Way.NOT, 0.0), *through)
    ends = ((Way.FROM_FRONT, 2 * (ys[-1] - front)), (Way.FROM_BACK, 2 * (back - ys[0])))
    if len(ys) == 1:
        return (*through, *ends)
    return (*through, *ends, (Way.FROM_BOTH, 2 * (length - widest_gap(ys)[1])))


def widest_gap(ys: Sequence[float]) -> tuple[float, float]:
    """Where the widest gap between neighbours begins, and how wide it is; of equals the first."""
    gaps = [(earlier, later - earlier) for earlier, later in pairwise(ys)]
    return max(gaps, key=lambda gap: gap[1])
