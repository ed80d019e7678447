"""Orders of a later pickup ride along with an earlier one where that saves walking and makes nobody late.

Carts are first filled pickup by pickup. What that achieves is then the measure: an order that would be ready in time
has to stay so, one that would be late must not become later, and together the carts must not walk more. So an order
that would make a courier late never rides with one that can wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lumbung_fulfillment.domain.batching import Cart
from lumbung_fulfillment.domain.cart import Capacity
from lumbung_fulfillment.domain.cutoffs import Team
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.planner.search import Effort, Wish, batched
from lumbung_fulfillment.domain.planner.timetable import Labour

ORDERS_MAX = 1_000
"""With more orders each pickup has so many of its own that riding along saves next to nothing, and costs time."""
_PER_MINUTE_M = 30.0
_WORTH_M = 1e-6
_WORTH_S = 1e-6

Lengths = Callable[[Sequence[frozenset[Stop]]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Shift:
    """Who picks and packs from `start` on, all of them free. `may_merge` when the team's rates are the floor's own."""

    team: Team
    start: datetime
    may_merge: bool

    def merges(self, classes: int, orders: int) -> bool:
        """Whether carts of several pickups are looked for."""
        return self.may_merge and classes > 1 and orders <= ORDERS_MAX

    def seconds_until(self, moment: datetime) -> float:
        """From the start; less than 0 when it has gone by."""
        return (moment - self.start).total_seconds()

    def packing_s(self, orders: int) -> float:
        """The time that a cart's orders take to pack."""
        return orders * self.team.per_pack.total_seconds() / self.team.packer_count

    def packed_s(self, carts: Sequence[Cart], walks_m: Sequence[float]) -> dict[str, float]:
        """When each order is packed, in seconds, if free pickers take the carts in this order."""
        free = [0.0] * self.team.picker_count
        packed: dict[str, float] = {}
        for cart, length_m in zip(carts, walks_m, strict=True):
            lines = sum(job.load.picks for job in cart)
            back = free[0] + self.team.pick_work(lines, 1, length_m).total_seconds()
            heapq.heapreplace(free, back)
            packed |= dict.fromkeys((job.order_id for job in cart), back + self.packing_s(len(cart)))
        return packed


@dataclass(frozen=True, slots=True)
class Merging:
    """When the courier comes for each order, and until when it must be packed for that, by order id and in seconds from
    the shift's start; absent for an order without a pickup."""

    layout: Layout
    capacity: Capacity
    shift: Shift
    pickup_s: Mapping[str, float]
    ready_s: Mapping[str, float]
    lengths_m: Lengths

    def merged(self, carts: Sequence[Cart], effort: Effort) -> Sequence[Cart]:
        """Carts that walk less and make no order late or later; those that were given when none are found.

        They come in the order of their earliest pickup, in which terminals are given them.
        """
        walks_m = self._walks_m(carts)
        packed = self.shift.packed_s(carts, walks_m)
        found = batched(self._wish(carts, packed, sum(walks_m)), effort).carts
        line = sorted(found, key=self._first_pickup_s)
        line_walks_m = self._walks_m(line)
        saves = sum(line_walks_m) < sum(walks_m) - _WORTH_M
        if saves and self._keeps_times(packed, self.shift.packed_s(line, line_walks_m)):
            return line
        return carts

    def _walks_m(self, carts: Sequence[Cart]) -> Sequence[float]:
        return self.lengths_m([frozenset[Stop]().union(*(job.stops for job in cart)) for cart in carts])

    def _first_pickup_s(self, cart: Cart) -> float:
        return min(self.pickup_s.get(job.order_id, float("inf")) for job in cart)

    def _keeps_times(self, before: Mapping[str, float], after: Mapping[str, float]) -> bool:
        return all(
            after[order_id] <= max(ready, before[order_id]) + _WORTH_S
            for order_id, ready in self.ready_s.items()
        )

    def _wish(self, carts: Sequence[Cart], packed: Mapping[str, float], walk_all_m: float) -> Wish:
        """A late order costs more than all walking, so that no plan with one is better than the given carts."""
        team = self.shift.team
        labour = Labour(
            team.picker_count,
            team.walk_speed_mps,
            team.per_line.total_seconds(),
            team.per_cart.total_seconds(),
            late_m=walk_all_m + 1.0,
            late_m_per_min=_PER_MINUTE_M,
        )
        jobs = [job for cart in carts for job in cart]
        return Wish(self.layout, jobs, self.capacity, self._wanted_s(carts, packed), labour, tuple(carts))

    def _wanted_s(self, carts: Sequence[Cart], packed: Mapping[str, float]) -> dict[str, float]:
        """When each order must be back: with time to pack a full cart, or else as soon as it would be anyway."""
        full_s = self.shift.packing_s(self.capacity.totes or max(map(len, carts)))
        return {
            job.order_id: max(
                self.ready_s[job.order_id] - full_s,
                packed[job.order_id] - self.shift.packing_s(len(cart)),
            )
            for cart in carts
            for job in cart
            if job.order_id in self.ready_s
        }
