"""Carts put together by what is saved (Clarke and Wright 1964, savings computed anew for each joined cart).

Every order begins on a cart of its own; the two carts whose union saves most walking are joined, as long as anything
fits. Each cart looks at those that bring it the fewest new cells, so the effort grows with the orders and not with
their square.
"""

from __future__ import annotations

import heapq

import numpy as np

from lumbung_fulfillment.domain.planner.carts import Carts, Room, put, refresh, take
from lumbung_fulfillment.domain.planner.compiled import NEVER, Bits, Flags, Ints, compiled
from lumbung_fulfillment.domain.planner.demand import Demand, count_bits
from lumbung_fulfillment.domain.planner.ground import Ground
from lumbung_fulfillment.domain.planner.walks import EMPTY, FROM_FRONT, measure_all, shortest

_PARTNERS_MAX = 40
_PARTNERS_MIN = 8
_PAIRS = 12_000
"""Pairs that are looked at at first, about: with many orders, each has fewer partners."""
_WORTH_M = -1e-6


@compiled
def join_by_savings(ground: Ground, demand: Demand, carts: Carts, room: Room, limit: Ints) -> int:
    """Joins carts until nothing saves any more. Answers how many walks were computed."""
    looked = 0
    while True:
        joined, walks = _join_once(ground, demand, carts, room, limit)
        looked += walks
        if joined == 0:
            return looked


@compiled
def _join_once(ground: Ground, demand: Demand, carts: Carts, room: Room, limit: Ints) -> tuple[int, int]:
    """One pass; partners that a cart did not look at are for the next."""
    count = carts.size.shape[0]
    live = carts.size > 0
    partners = max(_PARTNERS_MIN, min(_PARTNERS_MAX, _PAIRS // (live.sum() + 1)))
    occupied = np.zeros((count, (carts.costs.shape[1] + 63) // 64), dtype=np.uint64)
    version = np.zeros(count, dtype=np.int64)
    heap = [(0.0, 0, 0, 0, 0)]
    heap.pop()
    joined = walks = 0
    seen = np.zeros(count, dtype=np.bool_)
    for cart in range(count):
        if live[cart]:
            _occupy(carts, cart, occupied)
            walks += _offer(ground, carts, room, limit, cart, seen, occupied, version, partners, heap)
            seen[cart] = True
    while len(heap) > 0:
        _, first, first_version, second, second_version = heapq.heappop(heap)
        if not (seen[first] and seen[second]):
            continue
        if version[first] != first_version or version[second] != second_version:
            continue
        while carts.size[second] > 0:
            order = carts.members[second, carts.size[second] - 1]
            take(ground, demand, carts, order)
            put(ground, demand, carts, order, first)
        refresh(ground, carts, room, second)
        walks += refresh(ground, carts, room, first)
        version[first] += 1
        seen[second] = seen[first] = False
        _occupy(carts, first, occupied)
        walks += _offer(ground, carts, room, limit, first, seen, occupied, version, partners, heap)
        seen[first] = True
        joined += 1
    return joined, walks


@compiled
def _occupy(carts: Carts, cart: int, occupied: Bits) -> None:
    """Notes the cells that a cart has stops in."""
    occupied[cart, :] = np.uint64(0)
    for cell in range(carts.costs.shape[1]):
        if carts.costs[cart, cell, FROM_FRONT] != EMPTY:
            occupied[cart, cell >> 6] |= np.uint64(1) << np.uint64(cell & 63)


@compiled
def _offer(
    ground: Ground,
    carts: Carts,
    room: Room,
    limit: Ints,
    cart: int,
    seen: Flags,
    occupied: Bits,
    version: Ints,
    partners: int,
    heap: list[tuple[float, int, int, int, int]],
) -> int:
    """Offers a cart to those that it would bring the fewest new cells, of all that it fits together with."""
    apart = np.full(carts.size.shape[0], NEVER)
    for other in range(carts.size.shape[0]):
        if seen[other] and _fit_together(carts, limit, cart, other):
            apart[other] = _new_cells(occupied, cart, other)
    walks = 0
    for other in np.argsort(apart, kind="mergesort")[:partners]:
        if apart[other] >= NEVER:
            break
        room.bits[0, :] = carts.bits[cart, :] | carts.bits[other, :]
        measure_all(ground, room.bits, 0, room.costs)
        saved = carts.walk[cart] + carts.walk[other] - shortest(ground, room.costs, 0, room.states)
        walks += 1
        if saved > _WORTH_M:
            heapq.heappush(heap, (-saved, cart, version[cart], other, version[other]))
    return walks


@compiled
def _fit_together(carts: Carts, limit: Ints, cart: int, other: int) -> bool:
    for figure in range(limit.shape[0]):
        if limit[figure] and carts.load[cart, figure] + carts.load[other, figure] > limit[figure]:
            return False
    return True


@compiled
def _new_cells(occupied: Bits, cart: int, other: int) -> float:
    common = own = theirs = 0
    for word in range(occupied.shape[1]):
        common += count_bits(occupied[cart, word] & occupied[other, word])
        own += count_bits(occupied[cart, word])
        theirs += count_bits(occupied[other, word])
    return float(min(own, theirs) - common) - 0.001 * float(common)
