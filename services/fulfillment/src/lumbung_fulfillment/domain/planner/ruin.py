"""Ruin and recreate: orders that are near each other leave their carts and are put back where they cost least.

After Christiaens and Vanden Berghe (2020), "Slack induction by string removals", with carts for tours: a seed and those
near it lose a few orders of their carts, which makes room in several carts at once; what was taken off is put back
greedily, in a random one of four orders, now and then passing a cart over (a "blink"). Simulated annealing decides
whether the result is kept. All randomness comes from a state that the caller keeps, so that a plan can be repeated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lumbung_fulfillment.domain.planner.carts import (
    NO_CART,
    Carts,
    Room,
    copy_cart,
    fits,
    known,
    put,
    refresh,
    settle,
    take,
    walk_with,
)
from lumbung_fulfillment.domain.planner.compiled import NEVER, Bits, Flags, Floats, Ints, compiled
from lumbung_fulfillment.domain.planner.demand import Demand
from lumbung_fulfillment.domain.planner.ground import Ground
from lumbung_fulfillment.domain.planner.timetable import PICKS, Labour, late_m, lateness_m

REMOVED_MEAN = 8.0
"""Orders that a ruin takes off, about."""
STRING_MAX = 10.0
"""Orders that one cart loses at most."""
TOUCHED_MAX = 64
"""Carts that one change touches at most; what would touch more is not done."""
_BLINK = 0.01
_ALIKE = 0.5
"""How often a cart loses those of its orders that are nearest to the seed, and not any."""
_ALL_CARTS = 48
"""With so many carts, an order looks at all of them; with more, at those of the orders near it."""
_MOVE_IN_LINE = 0.3
"""How often a cart also changes its place in the line, when anything is wanted by a time."""
_JUDGED_WHOLE = 400
"""Up to so many orders, each place for an order is judged by all the lateness that it brings."""
_WORTH_M = 1e-7


class Search(NamedTuple):
    """Where a search stands. `figures` are the cost as it is, the best cost, and the effort used."""

    figures: Floats
    random: Bits
    best_cart: Ints
    best_rank: Floats


class Notes(NamedTuple):
    """Room for one change: what was taken off, and the carts as they were."""

    gone: Ints
    sort_key: Floats
    touched: Ints
    is_touched: Flags
    candidates: Ints
    is_candidate: Flags
    line: Ints
    free: Floats
    done: Floats


@compiled
def draw(state: Bits) -> float:
    """The next random number in [0, 1) (xorshift64*, Vigna 2016)."""
    word = state[0]
    word ^= word >> np.uint64(12)
    word ^= word << np.uint64(25)
    word ^= word >> np.uint64(27)
    state[0] = word
    return float((word * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def _below(state: Bits, count: int) -> int:
    return int(draw(state) * count)


@compiled
def improve(
    ground: Ground,
    demand: Demand,
    carts: Carts,
    shelf: Carts,
    room: Room,
    notes: Notes,
    limit: Ints,
    labour: Labour,
    search: Search,
    heat: Floats,
    effort: float,
    effort_all: float,
) -> None:
    """Changes carts until so much effort is used; `heat` is the temperature at the beginning and at the end, in metres.

    Effort is counted in walks computed, and never in seconds: the same state gives the same carts.
    """
    until = search.figures[2] + effort
    while search.figures[2] < until:
        temperature = heat[0] * (heat[1] / heat[0]) ** min(1.0, search.figures[2] / effort_all)
        touched = _change(ground, demand, carts, shelf, room, notes, limit, labour, search)
        cost = _cost(demand, carts, labour, notes) if touched >= 0 else NEVER
        if cost < search.figures[0] - temperature * np.log(1.0 - draw(search.random)):
            search.figures[0] = cost
            if cost < search.figures[1] - _WORTH_M:
                search.figures[1] = cost
                search.best_cart[:] = carts.cart
                search.best_rank[:] = carts.rank
        else:
            _put_back(carts, shelf, notes, abs(touched))
        for place in range(abs(touched)):
            notes.is_touched[notes.touched[place]] = False


@compiled
def _cost(demand: Demand, carts: Carts, labour: Labour, notes: Notes) -> float:
    walk = 0.0
    for cart in range(carts.size.shape[0]):
        walk += carts.walk[cart]
    if labour.pickers == 0:
        return walk
    return walk + lateness_m(demand, carts, labour, notes.line, notes.free, notes.done)


@compiled
def _put_back(carts: Carts, shelf: Carts, notes: Notes, touched: int) -> None:
    """Every cart as it was before the change."""
    for place in range(touched):
        copy_cart(shelf, place, carts, notes.touched[place])
    for place in range(touched):
        settle(carts, notes.touched[place])


@compiled
def _touch(carts: Carts, shelf: Carts, notes: Notes, cart: int, touched: int) -> int:
    """Remembers a cart as it is before its first change. Answers how many are touched then."""
    if notes.is_touched[cart]:
        return touched
    notes.is_touched[cart] = True
    notes.touched[touched] = cart
    copy_cart(carts, cart, shelf, touched)
    return touched + 1


@compiled
def _change(
    ground: Ground,
    demand: Demand,
    carts: Carts,
    shelf: Carts,
    room: Room,
    notes: Notes,
    limit: Ints,
    labour: Labour,
    search: Search,
) -> int:
    """One ruin and its recreation. Answers how many carts it touched, below zero when it could not be finished."""
    gone, touched = _ruin(ground, demand, carts, shelf, notes, search)
    if labour.pickers > 0 and draw(search.random) < _MOVE_IN_LINE:
        touched = _move_in_line(carts, shelf, notes, search, touched)
    for place in range(touched):
        search.figures[2] += refresh(ground, carts, room, notes.touched[place])
    if labour.pickers > 0:
        lateness_m(demand, carts, labour, notes.line, notes.free, notes.done)
    search.figures[2] += 1.0 + 0.5 * gone
    _sort(demand, notes, gone, search)
    for place in range(gone):
        order = notes.gone[place]
        cart, walk = _cheapest(ground, demand, carts, room, notes, limit, labour, search, order)
        if cart == NO_CART or touched + 1 >= TOUCHED_MAX:
            return -touched
        touched = _touch(carts, shelf, notes, cart, touched)
        if carts.size[cart] == 0:
            carts.rank[cart] = demand.wanted[order]
        put(ground, demand, carts, order, cart)
        carts.walk[cart] = walk
    return touched


@compiled
def _ruin(
    ground: Ground, demand: Demand, carts: Carts, shelf: Carts, notes: Notes, search: Search
) -> tuple[int, int]:
    """Takes strings of orders off the carts of a seed and of those near it, two at least: what leaves one cart alone
    mostly fits nowhere else."""
    orders = demand.alone.shape[0]
    live = 0
    for cart in range(carts.size.shape[0]):
        live += carts.size[cart] > 0
    string_max = min(STRING_MAX, orders / live)
    strings_max = 4.0 * REMOVED_MEAN / (1.0 + string_max) - 1.0
    strings = int(draw(search.random) * max(1.0, strings_max) + 2.0)
    seed = _below(search.random, orders)
    gone = touched = 0
    for place in range(-1, demand.near.shape[1]):
        order = seed if place < 0 else demand.near[seed, place]
        if touched >= strings or order < 0:
            break
        cart = carts.cart[order]
        if cart == NO_CART or notes.is_touched[cart]:
            continue
        touched = _touch(carts, shelf, notes, cart, touched)
        length = int(draw(search.random) * min(float(carts.size[cart]), string_max) + 1.0)
        alike = draw(search.random) < _ALIKE
        at = place
        for taken in range(min(length, carts.size[cart])):
            if taken > 0 and alike:
                at = _next_of_cart(demand, carts, seed, cart, at)
                if at == demand.near.shape[1]:
                    break
                order = demand.near[seed, at]
            elif taken > 0:
                order = carts.members[cart, _below(search.random, carts.size[cart])]
            take(ground, demand, carts, order)
            notes.gone[gone] = order
            gone += 1
    return gone, touched


@compiled
def _next_of_cart(demand: Demand, carts: Carts, seed: int, cart: int, at: int) -> int:
    """The next place in a seed's list of near orders that has one of this cart, or the list's end."""
    for place in range(at + 1, demand.near.shape[1]):
        other = demand.near[seed, place]
        if other >= 0 and carts.cart[other] == cart:
            return place
    return int(demand.near.shape[1])


@compiled
def _move_in_line(carts: Carts, shelf: Carts, notes: Notes, search: Search, touched: int) -> int:
    """Two carts change places in the line."""
    first = _below(search.random, carts.size.shape[0])
    second = _below(search.random, carts.size.shape[0])
    if first == second or carts.size[first] == 0 or carts.size[second] == 0:
        return touched
    touched = _touch(carts, shelf, notes, first, touched)
    touched = _touch(carts, shelf, notes, second, touched)
    rank = carts.rank[first]
    carts.rank[first] = carts.rank[second]
    carts.rank[second] = rank
    return touched


@compiled
def _sort(demand: Demand, notes: Notes, gone: int, search: Search) -> None:
    """Puts what was taken off in the order in which it is put back: by chance, large ones first, far ones first, near
    ones first."""
    kind = draw(search.random) * 11.0
    for place in range(gone):
        order = notes.gone[place]
        if kind < 4.0:
            key = draw(search.random)
        elif kind < 8.0:
            key = 0.5 * draw(search.random) - demand.load[order, 0]
        elif kind < 10.0:
            key = -demand.alone[order]
        else:
            key = demand.alone[order]
        at = place
        while at > 0 and notes.sort_key[at - 1] > key:
            notes.sort_key[at] = notes.sort_key[at - 1]
            notes.gone[at] = notes.gone[at - 1]
            at -= 1
        notes.sort_key[at] = key
        notes.gone[at] = order


@compiled
def _cheapest(
    ground: Ground,
    demand: Demand,
    carts: Carts,
    room: Room,
    notes: Notes,
    limit: Ints,
    labour: Labour,
    search: Search,
    order: int,
) -> tuple[int, float]:
    """The cart that an order lengthens least, and its walk then. A new cart when none fits, or to be in time."""
    count, free = _candidates(demand, carts, notes, order)
    chosen, cheapest, chosen_walk = NO_CART, NEVER, 0.0
    for place in range(count):
        cart = notes.candidates[place]
        if not fits(demand, carts, limit, order, cart) or draw(search.random) < _BLINK:
            continue
        walk = known(room, carts.key[cart] + demand.mark[order])
        if walk < 0.0:
            walk = walk_with(ground, demand, carts, room, order, cart)
            search.figures[2] += 1.0
        cost = walk - carts.walk[cart]
        if labour.pickers > 0:
            cost += _later_m(demand, carts, notes, labour, order, cart, walk)
            search.figures[2] += 1.0
        if cost < cheapest:
            chosen, cheapest, chosen_walk = cart, cost, walk
    if free != NO_CART and (
        chosen == NO_CART or _opens_a_cart(demand, carts, notes, labour, order, free, cheapest)
    ):
        notes.done[free] = 0.0
        return free, demand.alone[order]
    return chosen, chosen_walk


@compiled
def _opens_a_cart(
    demand: Demand, carts: Carts, notes: Notes, labour: Labour, order: int, free: int, cheapest: float
) -> bool:
    """Whether it costs less to begin a cart for an order, so that it or others are in time."""
    if labour.pickers == 0:
        return False
    carts.size[free] = 1
    carts.members[free, 0] = order
    carts.rank[free] = demand.wanted[order]
    cost = demand.alone[order] + _later_m(demand, carts, notes, labour, order, free, demand.alone[order])
    carts.size[free] = 0
    return bool(cost < cheapest)


@compiled
def _later_m(
    demand: Demand, carts: Carts, notes: Notes, labour: Labour, order: int, cart: int, walk: float
) -> float:
    """What all lateness costs with one more order on a cart, its own included, but for what does not depend on the
    cart. In a large plan only its own."""
    before = carts.walk[cart]
    if demand.alone.shape[0] > _JUDGED_WHOLE:
        done = notes.done[cart] + (walk - before) / labour.walk_m_per_s
        return late_m(demand, labour, order, done)
    carts.walk[cart] = walk
    carts.load[cart, PICKS] += demand.load[order, PICKS]
    cost = lateness_m(demand, carts, labour, notes.line, notes.free, notes.done)
    cost += late_m(demand, labour, order, notes.done[cart])
    carts.walk[cart] = before
    carts.load[cart, PICKS] -= demand.load[order, PICKS]
    return cost


@compiled
def _candidates(demand: Demand, carts: Carts, notes: Notes, order: int) -> tuple[int, int]:
    """Carts to look at, into `notes.candidates`: how many, and a free one."""
    count = 0
    free = NO_CART
    for cart in range(carts.size.shape[0]):
        if carts.size[cart] > 0:
            notes.candidates[count] = cart
            count += 1
        elif free == NO_CART:
            free = cart
    if count <= _ALL_CARTS:
        return count, free
    count = 0
    for place in range(demand.near.shape[1]):
        other = demand.near[order, place]
        cart = carts.cart[other] if other >= 0 else NO_CART
        if cart != NO_CART and not notes.is_candidate[cart]:
            notes.is_candidate[cart] = True
            notes.candidates[count] = cart
            count += 1
    for place in range(count):
        notes.is_candidate[notes.candidates[place]] = False
    return count, free
