"""Carts as arrays, and the small changes of which every search is made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lumbung_fulfillment.domain.planner.compiled import Bits, Counts, Floats, Ints, compiled
from lumbung_fulfillment.domain.planner.demand import Demand
from lumbung_fulfillment.domain.planner.ground import Ground
from lumbung_fulfillment.domain.planner.walks import EMPTY, measure_cell, shortest

_KNOWN_WALKS = 1 << 17
"""Walks that are remembered, by the carts' keys; a later one takes the place of an earlier one."""
_UNKNOWN = -1.0
NO_CART = -1

_ONE = np.uint64(1)


class Carts(NamedTuple):
    """Carts by number; those with `size` 0 are free.

    `members[cart, :size[cart]]` are its orders, in no order; `cart` and `place` say of each order where it is. `uses`
    is how many orders want each bit, `costs` what the cells cost (see `measure_cell`), `key` the marks of its orders
    added up, `rank` the place in which pickers take it: lower first.
    """

    size: Ints
    members: Ints
    cart: Ints
    place: Ints
    load: Ints
    bits: Bits
    uses: Counts
    costs: Floats
    walk: Floats
    key: Bits
    rank: Floats


class Room(NamedTuple):
    """What the functions below use for a moment, and the walks that are known."""

    bits: Bits
    costs: Floats
    states: Floats
    known_key: Bits
    known_walk: Floats


def empty_carts(ground: Ground, demand: Demand, carts: int) -> Carts:
    """So many carts without orders."""
    orders = demand.alone.shape[0]
    words = max(1, int(ground.first_word[-1]))
    cells = ground.first_word.shape[0] - 1
    return Carts(
        np.zeros(carts, dtype=np.int64),
        np.zeros((carts, orders), dtype=np.int64),
        np.full(orders, NO_CART, dtype=np.int64),
        np.zeros(orders, dtype=np.int64),
        np.zeros((carts, demand.load.shape[1]), dtype=np.int64),
        np.zeros((carts, words), dtype=np.uint64),
        np.zeros((carts, words * 64), dtype=np.int16),
        np.full((carts, cells, 3), EMPTY),
        np.zeros(carts),
        np.zeros(carts, dtype=np.uint64),
        np.zeros(carts),
    )


def room_for(ground: Ground) -> Room:
    """Room, and no walk known yet."""
    words = max(1, int(ground.first_word[-1]))
    cells = ground.first_word.shape[0] - 1
    return Room(
        np.zeros((1, words), dtype=np.uint64),
        np.zeros((1, cells, 3)),
        np.zeros((2, ground.after_front.shape[0])),
        np.zeros(_KNOWN_WALKS, dtype=np.uint64),
        np.zeros(_KNOWN_WALKS),
    )


@compiled
def put(ground: Ground, demand: Demand, carts: Carts, order: int, cart: int) -> None:
    """An order onto a cart; its walk is not known then (see `refresh`)."""
    carts.members[cart, carts.size[cart]] = order
    carts.place[order] = carts.size[cart]
    carts.cart[order] = cart
    carts.size[cart] += 1
    carts.key[cart] += demand.mark[order]
    for figure in range(demand.load.shape[1]):
        carts.load[cart, figure] += demand.load[order, figure]
    for at in range(demand.bit_start[order], demand.bit_start[order + 1]):
        bit = demand.bit[at]
        carts.uses[cart, bit] += 1
        carts.bits[cart, bit >> 6] |= _ONE << np.uint64(bit & 63)
    _measure(ground, demand, carts.bits, carts.costs, order, cart)


@compiled
def take(ground: Ground, demand: Demand, carts: Carts, order: int) -> None:
    """An order off its cart, the walk of which is not known then."""
    cart = carts.cart[order]
    carts.size[cart] -= 1
    last = carts.members[cart, carts.size[cart]]
    carts.members[cart, carts.place[order]] = last
    carts.place[last] = carts.place[order]
    carts.cart[order] = NO_CART
    carts.key[cart] -= demand.mark[order]
    for figure in range(demand.load.shape[1]):
        carts.load[cart, figure] -= demand.load[order, figure]
    for at in range(demand.bit_start[order], demand.bit_start[order + 1]):
        bit = demand.bit[at]
        carts.uses[cart, bit] -= 1
        if carts.uses[cart, bit] == 0:
            carts.bits[cart, bit >> 6] &= ~(_ONE << np.uint64(bit & 63))
    _measure(ground, demand, carts.bits, carts.costs, order, cart)


@compiled
def _measure(ground: Ground, demand: Demand, bits: Bits, costs: Floats, order: int, row: int) -> None:
    for at in range(demand.cell_start[order], demand.cell_start[order + 1]):
        measure_cell(
            ground.front, ground.back, ground.first_word, ground.y, demand.cell[at], bits, row, costs
        )


@compiled
def fits(demand: Demand, carts: Carts, limit: Ints, order: int, cart: int) -> bool:
    """Whether a cart holds one more order."""
    for figure in range(limit.shape[0]):
        if limit[figure] and carts.load[cart, figure] + demand.load[order, figure] > limit[figure]:
            return False
    return True


@compiled
def known(room: Room, key: np.uint64) -> float:
    """The walk of the cart with this key, if it is remembered."""
    place = np.int64(key & np.uint64(_KNOWN_WALKS - 1))
    return room.known_walk[place] if room.known_key[place] == key else _UNKNOWN


@compiled
def _remember(room: Room, key: np.uint64, walk: float) -> float:
    place = np.int64(key & np.uint64(_KNOWN_WALKS - 1))
    room.known_key[place] = key
    room.known_walk[place] = walk
    return walk


@compiled
def refresh(ground: Ground, carts: Carts, room: Room, cart: int) -> int:
    """Finds a cart's walk after changes. Answers how many walks were computed."""
    if carts.size[cart] == 0:
        carts.walk[cart] = 0.0
        return 0
    carts.walk[cart] = known(room, carts.key[cart])
    if carts.walk[cart] != _UNKNOWN:
        return 0
    carts.walk[cart] = _remember(room, carts.key[cart], shortest(ground, carts.costs, cart, room.states))
    return 1


@compiled
def walk_with(ground: Ground, demand: Demand, carts: Carts, room: Room, order: int, cart: int) -> float:
    """The walk of a cart with one more order, which it does not get yet."""
    for at in range(demand.cell_start[order], demand.cell_start[order + 1]):
        cell = demand.cell[at]
        room.costs[0, cell, :] = carts.costs[cart, cell, :]
    for at in range(demand.bit_start[order], demand.bit_start[order + 1]):
        bit = demand.bit[at]
        carts.bits[cart, bit >> 6] |= _ONE << np.uint64(bit & 63)
    _measure(ground, demand, carts.bits, carts.costs, order, cart)
    walk = shortest(ground, carts.costs, cart, room.states)
    for at in range(demand.bit_start[order], demand.bit_start[order + 1]):
        bit = demand.bit[at]
        if carts.uses[cart, bit] == 0:
            carts.bits[cart, bit >> 6] &= ~(_ONE << np.uint64(bit & 63))
    for at in range(demand.cell_start[order], demand.cell_start[order + 1]):
        cell = demand.cell[at]
        carts.costs[cart, cell, :] = room.costs[0, cell, :]
    return _remember(room, carts.key[cart] + demand.mark[order], walk)


@compiled
def copy_cart(source: Carts, row: int, target: Carts, at: int) -> None:
    """All that is written of one cart in one set, into a row of another one. Where its orders are is not."""
    size = source.size[row]
    target.size[at] = size
    target.members[at, :size] = source.members[row, :size]
    target.load[at, :] = source.load[row, :]
    target.bits[at, :] = source.bits[row, :]
    target.uses[at, :] = source.uses[row, :]
    target.costs[at, :, :] = source.costs[row, :, :]
    target.walk[at] = source.walk[row]
    target.key[at] = source.key[row]
    target.rank[at] = source.rank[row]


@compiled
def settle(carts: Carts, cart: int) -> None:
    """Says of a cart's orders that they are on it."""
    for place in range(carts.size[cart]):
        order = carts.members[cart, place]
        carts.cart[order] = cart
        carts.place[order] = place
