"""The proven shortest walk in a rectangular warehouse of one to three blocks.

Ratliff and Rosenthal (1983) solved one block by dynamic programming over the aisles; the same holds for more
cross-aisles (Roodbergen and de Koster 2001; Pansart, Catusse and Cambazard 2018). For each aisle from left to
right, the cheapest way into each state of `automaton.py` is kept: first down the aisle, block by block, then
along the cross-aisles to the next one. The tests compare it with Held and Karp's algorithm on random
instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lumbung_fulfillment.domain.layout import Layout, Stop, distinct
from lumbung_fulfillment.domain.routing.automaton import Automaton, Way, automaton
from lumbung_fulfillment.domain.routing.columns import Column, columns
from lumbung_fulfillment.domain.routing.tour import Edges, stops_along

_INFINITE = float("inf")


def exact_walk_m(layout: Layout, stops: Sequence[Stop]) -> float:
    """The length of the shortest walk from the depot through the stops and back."""
    wanted = distinct(stops)
    if not wanted:
        return 0.0
    machine = automaton(len(layout.cross_aisle_y))
    line = columns(layout, wanted)
    costs = _down(machine, line[0], {machine.start: 0.0})
    for here, there in pairwise(line):
        costs = _down(machine, there, _across(machine, costs, there.x - here.x))
    return min(cost for state, cost in costs.items() if state in machine.finals)


def exact_order(layout: Layout, stops: Sequence[Stop]) -> tuple[Stop, ...]:
    """The stops, each once, in the order of a shortest walk."""
    wanted = distinct(stops)
    if not wanted:
        return ()
    line = columns(layout, wanted)
    return tuple(stops_along(layout, line, _shortest_edges(automaton(len(layout.cross_aisle_y)), line)))


def _down(machine: Automaton, column: Column, costs: dict[int, float]) -> dict[int, float]:
    """Every way through the blocks of one aisle."""
    if column.has_depot:
        after: dict[int, float] = {}
        for state, cost in costs.items():
            target = machine.front[state]
            after[target] = min(cost, after.get(target, _INFINITE))
        costs = after
    for table, ways in zip(machine.ways, column.costs, strict=False):
        after = {}
        for state, cost in costs.items():
            targets = table[state]
            for way, extra in ways:
                total = cost + extra
                target = targets[way]
                if total < after.get(target, _INFINITE):
                    after[target] = total
        costs = after
    return costs


def _across(machine: Automaton, costs: dict[int, float], dx: float) -> dict[int, float]:
    """Every way along the cross-aisles to the next aisle."""
    after: dict[int, float] = {}
    for state, cost in costs.items():
        for turn in machine.turns[state]:
            total = cost + dx * turn.edge_count
            if total < after.get(turn.target, _INFINITE):
                after[turn.target] = total
    return after


@dataclass(frozen=True, slots=True)
class _Trail:
    """How a state was reached most cheaply: the choice made last, and the trail before it."""

    cost: float
    before: _Trail | None = None
    way: Way | None = None
    turn: tuple[int, ...] | None = None


def _shortest_edges(machine: Automaton, line: Sequence[Column]) -> Edges:
    """As exact_walk_m, remembering each choice."""
    trails = _trails_down(machine, line[0], {machine.start: _Trail(0.0)})
    for here, there in pairwise(line):
        crossed = _best(
            (turn.target, _Trail(trail.cost + (there.x - here.x) * turn.edge_count, trail, turn=turn.edges))
            for state, trail in trails.items()
            for turn in machine.turns[state]
        )
        trails = _trails_down(machine, there, crossed)
    last = min((trails[state] for state in trails if state in machine.finals), key=lambda trail: trail.cost)
    return _chosen(last, line)


def _trails_down(machine: Automaton, column: Column, trails: dict[int, _Trail]) -> dict[int, _Trail]:
    if column.has_depot:
        trails = _best((machine.front[state], trail) for state, trail in trails.items())
    for table, ways in zip(machine.ways, column.costs, strict=False):
        trails = _best(
            (table[state][way], _Trail(trail.cost + extra, trail, way=way))
            for state, trail in trails.items()
            for way, extra in ways
        )
    return trails


def _best(candidates: Iterable[tuple[int, _Trail]]) -> dict[int, _Trail]:
    """The cheapest trail into each state; of equals the first, so that the same stops give the same walk."""
    found: dict[int, _Trail] = {}
    for state, trail in candidates:
        known = found.get(state)
        if known is None or trail.cost < known.cost:
            found[state] = trail
    return found


def _chosen(last: _Trail, line: Sequence[Column]) -> Edges:
    """Reads the choices off a trail, from its end."""
    ways: list[Way] = []
    turns: list[tuple[int, ...]] = []
    trail: _Trail | None = last
    while trail is not None:
        if trail.way is not None:
            ways.append(trail.way)
        if trail.turn is not None:
            turns.append(trail.turn)
        trail = trail.before
    return Edges(tuple(tuple(ways.pop() for _ in column.costs) for column in line), tuple(reversed(turns)))
