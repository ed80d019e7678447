"""When carts come back, and what lateness costs.

Pickers take carts in order of rank, each the next one when it is free; a cart takes the time to set it up, to walk, and
to pick its lines, and its orders are done when it is back. Lateness is priced in metres, so that one figure is made
small: walking, so many metres for each order that is late, and so many for each minute.
"""

from __future__ import annotations

from typing import NamedTuple

from lumbung_fulfillment.domain.planner.carts import Carts
from lumbung_fulfillment.domain.planner.compiled import NEVER, Floats, Ints, compiled
from lumbung_fulfillment.domain.planner.demand import Demand

PICKS = 4
"""Which of the figures of a load is its picks."""


class Labour(NamedTuple):
    """Who picks, how fast, and the price of lateness in metres; `pickers` 0 when nothing is wanted by a time."""

    pickers: int
    walk_m_per_s: float
    pick_s_per_line: float
    setup_s_per_cart: float
    late_m: float
    late_m_per_min: float


@compiled
def line_up(carts: Carts, line: Ints) -> int:
    """The carts that carry anything, by rank, into `line`. Answers how many."""
    count = 0
    for cart in range(carts.size.shape[0]):
        if carts.size[cart] == 0:
            continue
        place = count
        while place > 0 and carts.rank[line[place - 1]] > carts.rank[cart]:
            line[place] = line[place - 1]
            place -= 1
        line[place] = cart
        count += 1
    return count


@compiled
def work_s(labour: Labour, carts: Carts, cart: int) -> float:
    """Seconds from taking a cart to bringing it back."""
    picking_s = float(carts.load[cart, PICKS]) * labour.pick_s_per_line
    return labour.setup_s_per_cart + picking_s + float(carts.walk[cart]) / labour.walk_m_per_s


@compiled
def lateness_m(demand: Demand, carts: Carts, labour: Labour, line: Ints, free: Floats, done: Floats) -> float:
    """What all lateness costs; `done` gets when each cart is back, `free` is room for a figure per picker."""
    free[:] = 0.0
    cost = 0.0
    for place in range(line_up(carts, line)):
        cart = line[place]
        picker = 0
        for other in range(1, labour.pickers):
            if free[other] < free[picker]:
                picker = other
        free[picker] += work_s(labour, carts, cart)
        done[cart] = free[picker]
        for member in range(carts.size[cart]):
            cost += late_m(demand, labour, carts.members[cart, member], done[cart])
    return cost


@compiled
def late_m(demand: Demand, labour: Labour, order: int, done_s: float) -> float:
    """What it costs that an order is done at this second."""
    late_s = done_s - float(demand.wanted[order])
    if late_s <= 1e-6 or demand.wanted[order] >= NEVER:
        return 0.0
    return labour.late_m + labour.late_m_per_min * late_s / 60.0
