"""Which orders share a cart, and which cart goes first: savings, then ruin and recreate until the effort is used.

The measure is metres, with lateness priced in metres (see `timetable`). The same orders, effort and seed give the same
carts; a clock may hurry the search, and the result says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lumbung_fulfillment.domain.batching import Cart, first_come, in_order, next_fit
from lumbung_fulfillment.domain.cart import Capacity, Job
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.planner.carts import Carts, Room, empty_carts, put, refresh, room_for
from lumbung_fulfillment.domain.planner.compiled import NEVER, Floats, Ints
from lumbung_fulfillment.domain.planner.demand import Demand, demanded, limits, walks_of_rows
from lumbung_fulfillment.domain.planner.ground import Ground, bits_of, grounded
from lumbung_fulfillment.domain.planner.ruin import TOUCHED_MAX, Notes, Search, improve
from lumbung_fulfillment.domain.planner.savings import join_by_savings
from lumbung_fulfillment.domain.planner.timetable import Labour, lateness_m

_EFFORT_PER_S = (360_000.0, 110_000.0, 28_000.0)
"""Walks computed in a second for one, two and three blocks, about, on the machine of docs/benchmarks.md."""
BLOCKS_MAX = len(_EFFORT_PER_S)
_STEPS = 64
_STEP_S_MAX = 0.02
"""The clock is looked at so many times, and not less often than this."""
_LAG = 0.1
"""How far behind the clock a search may be without being hurried."""
_HEAT = (0.01, 0.0007)
"""The temperature at the beginning and at the end, as a share of the mean walk of a cart."""
_HEAT_WITH_TIMES = (0.1, 0.005)
"""The same when orders are wanted by a time: lateness has prices that are steps, and one has to get over them."""
_SPARE_CARTS = 12
NOBODY = Labour(0, 1.0, 0.0, 0.0, 0.0, 0.0)
"""Nothing is wanted by a time."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search, in seconds of a usual machine, and the seed of chance. `time_used` says what share of the
    time that there is has gone by; a search that is behind it skips ahead, and ends when all is used."""

    budget_s: float = 1.0
    seed: int = 1
    time_used: Callable[[], float] = field(default=lambda: 0.0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be put on carts, and what is asked of the result. `wanted_s` says by order id when it has to be
    picked, in seconds from the beginning of picking. `line` may give carts that carry all of it, in the order in which
    they are taken: the result costs no more than they do."""

    layout: Layout
    jobs: Sequence[Job]
    capacity: Capacity
    wanted_s: Mapping[str, float] = field(default_factory=dict)
    labour: Labour = NOBODY
    line: tuple[Cart, ...] = ()


@dataclass(frozen=True, slots=True)
class Batched:
    """Carts in the order in which pickers take them; what they cost in metres, lateness included; how many walks were
    computed; whether the clock hurried the search."""

    carts: tuple[Cart, ...]
    cost_m: float
    walks: int
    was_hurried: bool


def batched(wish: Wish, effort: Effort) -> Batched:
    """The best carts found. Each job must fit on a cart alone."""
    if not wish.jobs:
        return Batched((), 0.0, 0, was_hurried=False)
    return _Searching.of(wish).result(effort)


def earliest_due(jobs: Sequence[Job], wanted_s: Mapping[str, float], capacity: Capacity) -> list[Cart]:
    """Carts filled in the order in which orders are wanted."""
    wanted = sorted(jobs, key=lambda job: (wanted_s.get(job.order_id, NEVER), job.rank, job.order_id))
    return next_fit(wanted, capacity)


def lengths_m(layout: Layout, walks: Sequence[Collection[Stop]]) -> list[float]:
    """The shortest walk through each of these sets of stops."""
    ground, places = grounded(layout, {stop for walk in walks for stop in walk})
    words = max(1, int(ground.first_word[-1]))
    rows = np.array([bits_of(places, walk, words) for walk in walks], dtype=np.uint64).reshape(-1, words)
    return [float(length) for length in walks_of_rows(ground, rows)]


@dataclass(frozen=True, slots=True)
class _Searching:
    """One search: orders by number."""

    wish: Wish
    ground: Ground
    demand: Demand
    limit: Ints
    room: Room

    @classmethod
    def of(cls, wish: Wish) -> _Searching:
        ground, places = grounded(wish.layout, {stop for job in wish.jobs for stop in job.stops})
        wanted = [wish.wanted_s.get(job.order_id) for job in wish.jobs]
        demand = demanded(ground, places, wish.jobs, wanted)
        return cls(wish, ground, demand, limits(wish.capacity), room_for(ground))

    def result(self, effort: Effort) -> Batched:
        begun = [self._loaded(carts) for carts in self._beginnings()]
        if self.wish.line:
            begun.append(self._lined_up(self.wish.line))
        best = min(begun, key=self._cost)
        walks, was_hurried = 0.0, False
        if len(self.wish.jobs) > 1 and effort.budget_s > 0.0:
            best, walks, was_hurried = self._improved(best, effort)
        return Batched(self._named(best), self._cost(best), int(walks), was_hurried)

    def _beginnings(self) -> list[list[list[int]]]:
        """Carts by savings, and as orders came or are wanted, by the orders' numbers."""
        number = {job.order_id: at for at, job in enumerate(self.wish.jobs)}
        plain = first_come(self.wish.jobs, self.wish.capacity)
        due = (
            earliest_due(self.wish.jobs, self.wish.wanted_s, self.wish.capacity) if self.wish.wanted_s else []
        )
        filled = [
            [[number[job.order_id] for job in cart] for cart in carts] for carts in (plain, due) if carts
        ]
        return [self._by_savings(), *filled]

    def _by_savings(self) -> list[list[int]]:
        carts = self._loaded([[order] for order in range(len(self.wish.jobs))])
        join_by_savings(self.ground, self.demand, carts, self.room, self.limit)
        return _members(carts)

    def _loaded(self, members: Sequence[Sequence[int]], spare: int = 0) -> Carts:
        carts = empty_carts(self.ground, self.demand, len(members) + spare)
        for cart, orders in enumerate(members):
            for order in orders:
                put(self.ground, self.demand, carts, order, cart)
            refresh(self.ground, carts, self.room, cart)
            carts.rank[cart] = min(self.demand.wanted[list(orders)])
        return carts

    def _lined_up(self, line: Sequence[Cart]) -> Carts:
        """Carts that keep their order: none ranks before the one that it comes after."""
        number = {job.order_id: at for at, job in enumerate(self.wish.jobs)}
        carts = self._loaded([[number[job.order_id] for job in cart] for cart in line])
        carts.rank[:] = np.maximum.accumulate(carts.rank)
        return carts

    def _cost(self, carts: Carts) -> float:
        late = 0.0
        labour = self.wish.labour
        if labour.pickers:
            line, done = np.zeros(len(carts.size), dtype=np.int64), np.zeros(len(carts.size))
            late = lateness_m(self.demand, carts, labour, line, np.zeros(labour.pickers), done)
        return float(carts.walk.sum() + late)

    def _improved(self, begun: Carts, effort: Effort) -> tuple[Carts, float, bool]:
        members = _members(begun)
        carts = self._loaded(members, _SPARE_CARTS)
        carts.rank[: len(members)] = begun.rank[begun.size > 0]
        search = self._search(carts, effort.seed)
        heat = self._heat(carts, len(members))
        per_s = _EFFORT_PER_S[self.wish.layout.block_count - 1]
        effort_all = effort.budget_s * per_s
        step = min(effort_all / _STEPS, _STEP_S_MAX * per_s)
        notes, shelf = self._notes(carts), empty_carts(self.ground, self.demand, TOUCHED_MAX)
        was_hurried = False
        while search.figures[2] < effort_all:
            improve(
                *(self.ground, self.demand, carts, shelf, self.room, notes, self.limit, self.wish.labour),
                *(search, heat, step, effort_all),
            )
            used = effort.time_used()
            if used > search.figures[2] / effort_all + _LAG or used >= 1.0:
                was_hurried |= search.figures[2] < effort_all
                search.figures[2] = max(search.figures[2], used * effort_all)
        return self._best(search, len(carts.size)), float(search.figures[2]), was_hurried

    def _search(self, carts: Carts, seed: int) -> Search:
        cost = self._cost(carts)
        word = np.array([(seed * 0x9E3779B97F4A7C15 + 0x1234567) % 2**64 or 1], dtype=np.uint64)
        return Search(np.array([cost, cost, 0.0]), word, carts.cart.copy(), carts.rank.copy())

    def _heat(self, carts: Carts, count: int) -> Floats:
        shares = _HEAT_WITH_TIMES if self.wish.labour.pickers else _HEAT
        return np.array(shares) * max(1.0, float(carts.walk.sum()) / count)

    def _notes(self, carts: Carts) -> Notes:
        orders, count = len(self.wish.jobs), len(carts.size)
        return Notes(
            np.zeros(orders, dtype=np.int64),
            np.zeros(orders),
            np.zeros(TOUCHED_MAX, dtype=np.int64),
            np.zeros(count, dtype=np.bool_),
            np.zeros(count, dtype=np.int64),
            np.zeros(count, dtype=np.bool_),
            np.zeros(count, dtype=np.int64),
            np.zeros(max(1, self.wish.labour.pickers)),
            np.zeros(count),
        )

    def _best(self, search: Search, count: int) -> Carts:
        members: list[list[int]] = [[] for _ in range(count)]
        for order, cart in enumerate(search.best_cart):
            members[cart].append(order)
        used = [cart for cart in range(count) if members[cart]]
        carts = self._loaded([members[cart] for cart in used])
        carts.rank[:] = search.best_rank[used]
        return carts

    def _named(self, carts: Carts) -> tuple[Cart, ...]:
        """In the line in which they were judged; without any time to keep, by the order that came first."""
        jobs = self.wish.jobs
        members = _members(carts)
        named = [in_order([jobs[number] for number in orders]) for orders in members]
        if not self.wish.labour.pickers:
            return tuple(sorted(named, key=lambda cart: (cart[0].rank, cart[0].order_id)))
        return tuple(named[at] for at in np.argsort(carts.rank, kind="stable"))


def _members(carts: Carts) -> list[list[int]]:
    return [sorted(carts.members[cart, :size].tolist()) for cart, size in enumerate(carts.size) if size]
