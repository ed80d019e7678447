"""Which orders share a cart, so that all carts together walk little, on any layout.

One to three blocks have a planner of their own, `domain.planner`, which finds shorter walks in less time; this one is
for all others.

Savings (Clarke and Wright 1964) over the lengths of exact routes: every order begins on a cart of its own,
and the two carts whose union saves most are joined, with savings computed anew for each joined cart, as long
as anything fits. Then orders are shifted to other carts and swapped between them while that
shortens the walk. Candidates are the nearest by how many more aisles they add, so that effort grows with the
orders and not with their square.

The effort is bounded by numbers of route evaluations, not by the clock: the same orders give the same carts.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from lumbung_fulfillment.domain.cart import Capacity, Job, Load, total
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing import walk_m

_NEIGHBOURS_MAX = 16
_NEIGHBOURS_MIN = 6
_PAIRS_MAX = 20_000
"""Pairs looked at while carts are put together, about: with many orders, each has fewer neighbours."""
_WORTH_M = 1e-6

Cart = tuple[Job, ...]


@dataclass(slots=True)
class Walks:
    """Route lengths, each computed once, and how many may still be computed to improve a plan."""

    layout: Layout
    evaluations_left: int
    _known: dict[frozenset[Stop], float]
    _aisles: dict[str, int]

    @classmethod
    def counting(cls, layout: Layout, evaluations_max: int) -> Walks:
        """Begins with none known."""
        return cls(layout, evaluations_max, {}, {})

    def of(self, jobs: Sequence[Job]) -> float:
        """The shortest walk for these orders together."""
        stops = frozenset[Stop]().union(*(job.stops for job in jobs))
        found = self._known.get(stops)
        if found is None:
            self.evaluations_left -= 1
            found = self._known[stops] = walk_m(self.layout, tuple(stops))
        return found

    def aisles(self, cart: Cart) -> int:
        """The aisles that a cart needs, one bit each."""
        mask = 0
        for job in cart:
            known = self._aisles.get(job.order_id)
            if known is None:
                known = self._aisles[job.order_id] = job.aisles
            mask |= known
        return mask


def first_come(jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    """Carts filled in order of arrival, the next one begun when an order does not fit: what most do."""
    return next_fit(sorted(jobs, key=lambda job: (job.rank, job.order_id)), capacity)


def next_fit(jobs: Iterable[Job], capacity: Capacity) -> list[Cart]:
    """Carts filled in this order, the next one begun when an order does not fit."""
    carts: list[list[Job]] = []
    for job in jobs:
        if carts and capacity.holds(total([*carts[-1], job])):
            carts[-1].append(job)
        else:
            carts.append([job])
    return [tuple(cart) for cart in carts]


def batch(walks: Walks, jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    """Carts for these orders, each of which fits a cart alone. First-come when that happens to be shorter."""
    saved = _improved(walks, _by_savings(walks, jobs, capacity), capacity)
    plain = first_come(jobs, capacity)
    best = min((saved, plain), key=lambda carts: (round(sum(map(walks.of, carts)), 6), len(carts)))
    return sorted((in_order(cart) for cart in best), key=lambda cart: (cart[0].rank, cart[0].order_id))


def in_order(cart: Iterable[Job]) -> Cart:
    """A cart's orders as they came."""
    return tuple(sorted(cart, key=lambda job: (job.rank, job.order_id)))


@dataclass(frozen=True, slots=True)
class _Live:
    """A cart that can still be joined with another one."""

    cart: Cart
    load: Load
    aisles: int


class _Joining:
    """Carts being joined: the live ones by number, and a heap of what joining two of them would save."""

    def __init__(self, walks: Walks, carts: Sequence[Cart], capacity: Capacity) -> None:
        self._walks = walks
        self._capacity = capacity
        self._neighbours = max(_NEIGHBOURS_MIN, min(_NEIGHBOURS_MAX, _PAIRS_MAX // (2 * len(carts) + 1)))
        self._live: dict[int, _Live] = {}
        self._heap: list[tuple[float, int, int]] = []
        self._next = 0
        for cart in carts:
            self._add(cart)

    @property
    def carts(self) -> list[Cart]:
        """The carts as they stand."""
        return [live.cart for live in self._live.values()]

    def join_all(self) -> None:
        """Joins the two carts that save most, again and again, until nothing is left that saves."""
        while self._heap:
            _, first, second = heapq.heappop(self._heap)
            if first in self._live and second in self._live:
                self._add(self._live.pop(first).cart + self._live.pop(second).cart)

    def _add(self, cart: Cart) -> None:
        number, self._next = self._next, self._next + 1
        added = _Live(cart, total(cart), self._walks.aisles(cart))
        fitting = {
            n: live.aisles for n, live in self._live.items() if self._capacity.holds(added.load + live.load)
        }
        for other in _nearest(added.aisles, fitting, self._neighbours):
            self._offer(number, cart, other)
        self._live[number] = added

    def _offer(self, number: int, cart: Cart, other: int) -> None:
        theirs = self._live[other].cart
        saving = self._walks.of(cart) + self._walks.of(theirs) - self._walks.of(cart + theirs)
        if saving > -_WORTH_M:
            heapq.heappush(self._heap, (-saving, other, number))


def _nearest(aisles: int, others: dict[int, int], count: int) -> list[int]:
    """The carts that add the fewest aisles to these, most aisles in common first."""
    own = aisles.bit_count()

    def apartness(number: int) -> tuple[int, int, int]:
        theirs = others[number]
        common = (aisles & theirs).bit_count()
        return min(own, theirs.bit_count()) - common, -common, number

    return heapq.nsmallest(count, others, key=apartness)


def _alike(jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    """Orders for the same stops share a cart as far as it goes: no other cart would walk less for them."""
    by_stops: dict[frozenset[Stop], list[Job]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: (job.rank, job.order_id)):
        by_stops[job.stops].append(job)
    return [cart for group in by_stops.values() for cart in first_come(group, capacity)]


def _by_savings(walks: Walks, jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    """Neighbour lists can leave carts apart that would fit: what is left is tried with all others once more."""
    joining = _Joining(walks, _alike(jobs, capacity), capacity)
    joining.join_all()
    left = joining.carts
    while True:
        again = _Joining(walks, left, capacity)
        again.join_all()
        if len(again.carts) == len(left):
            return left
        left = again.carts


def _improved(walks: Walks, carts: list[Cart], capacity: Capacity) -> list[Cart]:
    """Shifts and swaps orders between carts, each time the first change found that shortens the walk."""
    state = dict(enumerate(carts))
    found = True
    while found and walks.evaluations_left > 0:
        found = False
        for number in list(state):
            while number in state and _applied(walks, state, number, capacity):
                found = True
    return [cart for _, cart in sorted(state.items())]


def _applied(walks: Walks, state: dict[int, Cart], number: int, capacity: Capacity) -> bool:
    for change in _changes(walks, state, number):
        if walks.evaluations_left <= 0:
            return False
        if not all(capacity.holds(total(cart)) for cart in change.values()):
            continue
        before = sum(walks.of(state[n]) for n in change)
        after = sum(walks.of(cart) for cart in change.values() if cart)
        if after < before - _WORTH_M:
            state.update({n: cart for n, cart in change.items() if cart})
            for emptied in [n for n, cart in change.items() if not cart]:
                del state[emptied]
            return True
    return False


def _changes(walks: Walks, state: dict[int, Cart], number: int) -> Iterator[dict[int, Cart]]:
    """Every shift of an order out of one cart, then every swap with a near one."""
    cart = state[number]
    aisles = {n: walks.aisles(other) for n, other in state.items() if n != number}
    others = _nearest(walks.aisles(cart), aisles, _NEIGHBOURS_MAX)
    for job in cart:
        for other in others:
            yield {number: _without(cart, job), other: (*state[other], job)}
    for job in cart:
        for other in others:
            for theirs in state[other]:
                yield {
                    number: (*_without(cart, job), theirs),
                    other: (*_without(state[other], theirs), job),
                }


def _without(cart: Cart, job: Job) -> Cart:
    return tuple(other for other in cart if other.order_id != job.order_id)


def total_walk_m(carts: Sequence[Cart], length: Callable[[Sequence[Stop]], float]) -> float:
    """The walks of all carts by a policy, such as S-shape."""
    return sum(length(tuple({stop for job in cart for stop in job.stops})) for cart in carts)
