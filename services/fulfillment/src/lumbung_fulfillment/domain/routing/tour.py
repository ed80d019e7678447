"""From the edges of a tour to the order in which a person meets its stops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing.automaton import Way
from lumbung_fulfillment.domain.routing.columns import Column, widest_gap

# A point of the tour: its column's number and its y.
_Point = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Edges:
    """A tour: per column the way through each block, and per column but the last the edges to the next."""

    ways: tuple[tuple[Way, ...], ...]
    turns: tuple[tuple[int, ...], ...]


def stops_along(layout: Layout, line: Sequence[Column], edges: Edges) -> Iterator[Stop]:
    """The stops in the order in which a closed walk over all edges, from the depot, meets them first."""
    waiting = {(n, stop.y): stop for n, column in enumerate(line) for block in column.stops for stop in block}
    depot = next(number for number, column in enumerate(line) if column.has_depot)
    for point in _closed_walk(_graph(layout, line, edges), (depot, layout.cross_aisle_y[0])):
        if point in waiting:
            yield waiting.pop(point)


def _graph(layout: Layout, line: Sequence[Column], edges: Edges) -> dict[_Point, dict[_Point, int]]:
    """How often each piece is walked, by its ends."""
    graph: dict[_Point, dict[_Point, int]] = defaultdict(dict)
    for here, there, count in _pieces(layout, line, edges):
        if count:
            graph[here][there] = graph[there][here] = count
    return graph


def _pieces(layout: Layout, line: Sequence[Column], edges: Edges) -> Iterator[tuple[_Point, _Point, int]]:
    ends = list(pairwise(layout.cross_aisle_y))
    for number, (column, ways) in enumerate(zip(line, edges.ways, strict=True)):
        for (front, back), way, block in zip(ends, ways, column.stops, strict=False):
            for y, further_y, count in _block_pieces(way, front, back, [stop.y for stop in block]):
                yield (number, y), (number, further_y), count
    for number, turn in enumerate(edges.turns):
        for y, count in zip(layout.cross_aisle_y, turn, strict=True):
            yield (number, y), (number + 1, y), count


def _block_pieces(
    way: Way, front: float, back: float, ys: Sequence[float]
) -> Iterator[tuple[float, float, int]]:
    """The pieces of one block between neighbouring points, and how often each is walked."""
    skipped_from = widest_gap(ys)[0] if way is Way.FROM_BOTH else back
    for y, further_y in pairwise(sorted({front, *ys, back})):
        match way:
            case Way.NOT:
                count = 0
            case Way.THROUGH:
                count = 1
            case Way.TWICE:
                count = 2
            case Way.FROM_FRONT:
                count = 2 if y < ys[-1] else 0
            case Way.FROM_BACK:
                count = 2 if further_y > ys[0] else 0
            case Way.FROM_BOTH:
                count = 0 if y == skipped_from else 2
        yield y, further_y, count


def _closed_walk(graph: dict[_Point, dict[_Point, int]], start: _Point) -> list[_Point]:
    """Hierholzer's walk over every piece as often as it counts; all degrees are even. Always the same one."""
    walk: list[_Point] = []
    stack = [start]
    while stack:
        here = stack[-1]
        there = min((point for point, count in graph[here].items() if count), default=None)
        if there is None:
            walk.append(stack.pop())
            continue
        graph[here][there] -= 1
        graph[there][here] -= 1
        stack.append(there)
    return walk[::-1]
