"""The walk of one picker: exact for one to three blocks, improved by hand-over-hand steps beyond that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing.automaton import CROSS_AISLES_MAX
from lumbung_fulfillment.domain.routing.exact import exact_order, exact_walk_m
from lumbung_fulfillment.domain.routing.improved import improved_order
from lumbung_fulfillment.domain.routing.s_shape import s_shape_walk_m

__all__ = ["Method", "Route", "route", "s_shape_walk_m", "walk_m"]


class Method(Enum):
    """How a walk was found."""

    EXACT = "exact"
    HEURISTIC = "heuristic"


@dataclass(frozen=True, slots=True)
class Route:
    """Stops in walking order, the walk from the depot through them and back, and how it was found."""

    stops: tuple[Stop, ...]
    walk_m: float
    method: Method


def route(layout: Layout, stops: Sequence[Stop]) -> Route:
    """The best walk that we can find; its length is recomputed from the ordered stops."""
    for stop in stops:
        layout.check(stop)
    exact = len(layout.cross_aisle_y) <= CROSS_AISLES_MAX
    order = exact_order(layout, stops) if exact else improved_order(layout, stops)
    return Route(order, layout.walk_m(order), Method.EXACT if exact else Method.HEURISTIC)


def walk_m(layout: Layout, stops: Sequence[Stop]) -> float:
    """The length of that walk."""
    if len(layout.cross_aisle_y) <= CROSS_AISLES_MAX:
        return exact_walk_m(layout, stops)
    return layout.walk_m(improved_order(layout, stops))
