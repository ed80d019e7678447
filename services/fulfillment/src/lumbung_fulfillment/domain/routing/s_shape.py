"""The usual way to walk, to compare with: S-shape.

One block: every aisle that has a stop is walked from end to end, left to right; when their number is odd, the
last one is entered from the front and left there again. Several blocks (Roodbergen and de Koster 2001): up
the leftmost aisle that has a stop to the farthest block that has one, S-shape through that block and back to
its front, then block by block towards the front, each from its nearer side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lumbung_fulfillment.domain.layout import Layout, Stop, distinct


@dataclass
class _Walker:
    """Where the picker stands, and how far they have come."""

    layout: Layout
    x: float
    y: float
    walked_m: float = 0.0
    waiting: set[Stop] = field(default_factory=set)

    def go(self, x: float, y: float) -> None:
        """Walks along lines; the caller goes along one of them at a time."""
        self.walked_m += abs(x - self.x) + abs(y - self.y)
        self.x, self.y = x, y


def s_shape_walk_m(layout: Layout, stops: Sequence[Stop]) -> float:
    """The walk from the depot through the stops in S-shape and back."""
    wanted = distinct(stops)
    if not wanted:
        return 0.0
    front = layout.cross_aisle_y[0]
    walker = _Walker(layout, layout.depot_x, front, waiting=set(wanted))
    farthest = max(layout.block_of(stop.y) for stop in wanted)
    _up_the_leftmost(walker, farthest)
    for block in range(farthest, -1, -1):
        _through_block(walker, block)
    walker.go(layout.depot_x, front)
    return walker.walked_m


def _up_the_leftmost(walker: _Walker, farthest: int) -> None:
    """From the front to the farthest block, collecting what lies on the way."""
    layout = walker.layout
    leftmost = min(stop.aisle for stop in walker.waiting)
    entrance = layout.cross_aisle_y[farthest]
    if farthest:
        walker.go(layout.aisle_x[leftmost], walker.y)
        walker.go(walker.x, entrance)
        walker.waiting = {stop for stop in walker.waiting if stop.aisle != leftmost or stop.y > entrance}


def _through_block(walker: _Walker, block: int) -> None:
    """Through every aisle of a block that has a stop, ending at its front."""
    layout = walker.layout
    front, back = layout.cross_aisle_y[block], layout.cross_aisle_y[block + 1]
    here = {stop for stop in walker.waiting if layout.block_of(stop.y) == block}
    aisles = sorted({stop.aisle for stop in here})
    if aisles and abs(layout.aisle_x[aisles[-1]] - walker.x) < abs(layout.aisle_x[aisles[0]] - walker.x):
        aisles.reverse()
    for aisle in aisles:
        walker.go(layout.aisle_x[aisle], walker.y)
        if aisle == aisles[-1] and walker.y == front:
            walker.go(walker.x, max(stop.y for stop in here if stop.aisle == aisle))
            walker.go(walker.x, front)
        else:
            walker.go(walker.x, back if walker.y == front else front)
    walker.go(walker.x, front)
    walker.waiting -= here
