"""Which orders share a cart, so that all carts together walk little.

Savings (Clarke and Wright 1964) over the lengths of exact routes: every order begins on a cart of its own,
and the two carts whose union saves most are joined, with savings computed anew for each joined cart, as long
as anything fits and saves. Then orders are shifted to other carts and swapped between them while that
shortens the walk. Candidates are the nearest by how many more aisles they add, so that effort grows with the
orders and not with their square.

The effort is bounded by a number of route evaluations, not by the clock: the same orders give the same carts.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lumbung_fulfillment.domain.cart import Capacity, Job, total
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.routing import walk_m

_NEIGHBOURS_MAX = 16
_WORTH_M = 1e-6

Cart = tuple[Job, ...]


@dataclass(slots=True)
class Walks:
    """Route lengths, each computed once, and how many may still be computed."""

    layout: Layout
    evaluations_left: int
    _known: dict[frozenset[Stop], float]

    @classmethod
    def counting(cls, layout: Layout, evaluations_max: int) -> Walks:
        """Begins with none known."""
        return cls(layout, evaluations_max, {})

    def of(self, jobs: Sequence[Job]) -> float:
        """The shortest walk for these orders together."""
        stops = frozenset[Stop]().union(*(job.stops for job in jobs))
        found = self._known.get(stops)
        if found is None:
            self.evaluations_left -= 1
            found = self._known[stops] = walk_m(self.layout, tuple(stops))
        return found


def first_come(jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    """Carts filled in order of arrival, the next one begun when an order does not fit: what most do."""
    carts: list[list[Job]] = []
    for job in sorted(jobs, key=lambda job: (job.rank, job.order_id)):
        if carts and capacity.holds(total([*carts[-1], job])):
            carts[-1].append(job)
        else:
            carts.append([job])
    return [tuple(cart) for cart in carts]


def batch(walks: Walks, jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    """Carts for these orders, each of which fits a cart alone. First-come when that happens to be shorter."""
    saved = _improved(walks, _by_savings(walks, jobs, capacity), capacity)
    plain = first_come(jobs, capacity)
    best = min((saved, plain), key=lambda carts: sum(walks.of(cart) for cart in carts))
    return sorted((_in_order(cart) for cart in best), key=lambda cart: (cart[0].rank, cart[0].order_id))


def _in_order(cart: Cart) -> Cart:
    return tuple(sorted(cart, key=lambda job: (job.rank, job.order_id)))


class _Joining:
    """Carts being joined: the live ones by number, and a heap of what joining two of them would save."""

    def __init__(self, walks: Walks, jobs: Sequence[Job], capacity: Capacity) -> None:
        self._walks = walks
        self._capacity = capacity
        self.carts: dict[int, Cart] = {}
        self._heap: list[tuple[float, int, int]] = []
        self._next = 0
        for job in sorted(jobs, key=lambda job: (job.rank, job.order_id)):
            self._add((job,))

    def _add(self, cart: Cart) -> None:
        number, self._next = self._next, self._next + 1
        for other in _nearest(cart, self.carts):
            if self._walks.evaluations_left <= 0:
                break
            self._offer(number, cart, other)
        self.carts[number] = cart

    def _offer(self, number: int, cart: Cart, other: int) -> None:
        joined = cart + self.carts[other]
        if not self._capacity.holds(total(joined)):
            return
        saving = self._walks.of(cart) + self._walks.of(self.carts[other]) - self._walks.of(joined)
        if saving > _WORTH_M:
            heapq.heappush(self._heap, (-saving, other, number))

    def join_best(self) -> bool:
        """Joins the two live carts that save most; False when nothing is left that saves."""
        while self._heap:
            _, first, second = heapq.heappop(self._heap)
            if first in self.carts and second in self.carts:
                self._add(self.carts.pop(first) + self.carts.pop(second))
                return True
        return False


def _nearest(cart: Cart, carts: dict[int, Cart]) -> list[int]:
    """The carts that add the fewest aisles, most aisles in common first."""
    mine = _aisles(cart)

    def apartness(number: int) -> tuple[int, int, int]:
        theirs = _aisles(carts[number])
        return min(len(theirs - mine), len(mine - theirs)), -len(mine & theirs), number

    return heapq.nsmallest(_NEIGHBOURS_MAX, carts, key=apartness)


def _aisles(cart: Cart) -> set[int]:
    return {stop.aisle for job in cart for stop in job.stops}


def _by_savings(walks: Walks, jobs: Sequence[Job], capacity: Capacity) -> list[Cart]:
    joining = _Joining(walks, jobs, capacity)
    while joining.join_best():
        pass
    return _fewer(walks, list(joining.carts.values()), capacity)


def _fewer(walks: Walks, carts: list[Cart], capacity: Capacity) -> list[Cart]:
    """Neighbour lists can leave carts apart that would fit: the lightest are tried with all others again."""
    for cart in sorted(carts, key=lambda cart: (total(cart).units, cart[0].rank)):
        others = [other for other in carts if other is not cart]
        fitting = [other for other in others if capacity.holds(total(cart + other))]
        if not fitting or cart not in carts or walks.evaluations_left <= 0:
            continue
        best = min(fitting, key=lambda other: walks.of(cart + other) - walks.of(other))
        if walks.of(cart + best) <= walks.of(cart) + walks.of(best):
            carts = [other for other in others if other is not best] + [cart + best]
    return carts


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
    for change in _changes(state, number):
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


def _changes(state: dict[int, Cart], number: int) -> Iterator[dict[int, Cart]]:
    """Every shift of an order out of one cart, then every swap with a near one."""
    cart = state[number]
    others = _nearest(cart, {n: other for n, other in state.items() if n != number})
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
