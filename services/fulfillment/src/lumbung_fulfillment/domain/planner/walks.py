"""The proven shortest walk as machine code: what `routing.exact` computes, a thousand times faster.

One block has its six states written out (Ratliff and Rosenthal 1983, table 1); two and three blocks go by the table of
`routing.automaton`. The tests hold both against `routing.exact` and Held and Karp's algorithm.
"""

from __future__ import annotations

import numpy as np

from lumbung_fulfillment.domain.planner.compiled import NEVER, Bits, Floats, Ints, compiled
from lumbung_fulfillment.domain.planner.ground import Ground

EMPTY = -1.0
"""What `costs[.., FROM_FRONT]` says of a cell without stops."""
FROM_FRONT, FROM_BACK, FROM_BOTH = 0, 1, 2
_NOT, _THROUGH, _TWICE, _IN_FRONT, _IN_BACK, _IN_BOTH = range(6)

# De Bruijn's sequence: the lowest set bit times this has the bit's number in its six highest bits.
_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_SHIFT = np.uint64(58)
_ONE = np.uint64(1)
_NONE = np.uint64(0)
_BIT_NUMBERS = np.zeros(64, dtype=np.int64)
for _bit in range(64):
    _BIT_NUMBERS[((int(_DE_BRUIJN) << _bit) & (2**64 - 1)) >> 58] = _bit


@compiled
def measure_cell(
    front: Floats, back: Floats, first_word: Ints, y: Floats, cell: int, bits: Bits, row: int, costs: Floats
) -> None:
    """What the ways into one cell cost that do not go through it, for the stops of one row of `bits`."""
    block = cell % front.shape[0]
    first = EMPTY
    last = gap = 0.0
    for word in range(first_word[cell], first_word[cell + 1]):
        left = bits[row, word]
        while left != _NONE:
            here = y[word * 64 + _BIT_NUMBERS[((left & (~left + _ONE)) * _DE_BRUIJN) >> _SHIFT]]
            left &= left - _ONE
            if first == EMPTY:
                first = here
            else:
                gap = max(gap, here - last)
            last = here
    if first == EMPTY:
        costs[row, cell, FROM_FRONT] = EMPTY
    else:
        costs[row, cell, FROM_FRONT] = 2.0 * (last - front[block])
        costs[row, cell, FROM_BACK] = 2.0 * (back[block] - first)
        costs[row, cell, FROM_BOTH] = 2.0 * (back[block] - front[block] - gap) if gap > 0.0 else NEVER


@compiled
def measure_all(ground: Ground, bits: Bits, row: int, costs: Floats) -> None:
    """Every cell of one row."""
    for cell in range(costs.shape[1]):
        measure_cell(ground.front, ground.back, ground.first_word, ground.y, cell, bits, row, costs)


@compiled
def shortest(ground: Ground, costs: Floats, row: int, states: Floats) -> float:
    """The shortest walk for one row of measured cells; `states` is room for two vectors of states."""
    blocks = ground.front.shape[0]
    low = -1
    high = 0
    for cell in range(costs.shape[1]):
        if costs[row, cell, FROM_FRONT] != EMPTY:
            high = cell // blocks
            if low < 0:
                low = high
    if low < 0:
        return 0.0
    low, high = min(low, ground.depot), max(high, ground.depot)
    if blocks == 1:
        return _shortest_of_one_block(ground, costs, row, low, high)
    return _shortest_of_blocks(ground, costs, row, low, high, states)


@compiled
def _shortest_of_one_block(ground: Ground, costs: Floats, row: int, low: int, high: int) -> float:
    """The six states: nothing yet, both crossings odd, even at one alone, both even in one part or in two."""
    length = ground.back[0] - ground.front[0]
    nothing = 0.0
    odd = at_front = at_back = joined = apart = NEVER
    for column in range(low, high + 1):
        if column == ground.depot:
            apart, at_front = min(apart, at_back), min(at_front, nothing)
            at_back = nothing = NEVER
        if ground.walkable[column]:
            any_even = min(nothing, at_front, at_back, joined, apart)
            if costs[row, column, FROM_FRONT] == EMPTY:
                joined = min(joined, odd + length, any_even + 2.0 * length)
                odd = min(odd, any_even + length)
            else:
                front, back = costs[row, column, FROM_FRONT], costs[row, column, FROM_BACK]
                both = costs[row, column, FROM_BOTH]
                any_way = min(front, back, both)
                apart = min(
                    apart + any_way, at_back + min(front, both), at_front + min(back, both), nothing + both
                )
                joined = min(joined + any_way, odd + length, any_even + 2.0 * length)
                odd = min(odd + any_way, any_even + length)
                at_front = min(at_front, nothing) + front
                at_back = min(at_back, nothing) + back
                nothing = NEVER
        if column < high:
            across = 2.0 * (ground.x[column + 1] - ground.x[column])
            odd += across
            at_front = min(at_front, joined) + across
            at_back = min(at_back, joined) + across
            joined += 2.0 * across
            apart += 2.0 * across
    return min(at_front, at_back, joined)


@compiled
def _shortest_of_blocks(
    ground: Ground, costs: Floats, row: int, low: int, high: int, states: Floats
) -> float:
    """As `routing.exact`: every way down each column, then every way across to the next."""
    count = ground.after_front.shape[0]
    blocks = ground.front.shape[0]
    now = 0
    states[now, :] = NEVER
    states[now, ground.start] = 0.0
    for column in range(low, high + 1):
        if column == ground.depot:
            states[1 - now, :] = NEVER
            for state in range(count):
                _lower(states, 1 - now, ground.after_front[state], states[now, state])
            now = 1 - now
        if ground.walkable[column]:
            for block in range(blocks):
                _through_cell(ground, costs, row, column * blocks + block, states, now)
                now = 1 - now
        if column < high:
            _across(ground, ground.x[column + 1] - ground.x[column], states, now)
            now = 1 - now
    best = NEVER
    for state in range(count):
        if ground.is_final[state]:
            best = min(best, states[now, state])
    return best


@compiled
def _lower(states: Floats, row: int, state: int, cost: float) -> None:
    states[row, state] = min(states[row, state], cost)


@compiled
def _through_cell(ground: Ground, costs: Floats, row: int, cell: int, states: Floats, now: int) -> None:
    """Every way through one cell, from the states of row `now` into the other row."""
    block = cell % ground.front.shape[0]
    length = ground.back[block] - ground.front[block]
    in_front = costs[row, cell, FROM_FRONT]
    states[1 - now, :] = NEVER
    for state in range(ground.after_front.shape[0]):
        cost = states[now, state]
        if cost >= NEVER:
            continue
        if in_front == EMPTY:
            _lower(states, 1 - now, ground.after_way[block, state, _NOT], cost)
        else:
            _lower(states, 1 - now, ground.after_way[block, state, _IN_FRONT], cost + in_front)
            _lower(
                states, 1 - now, ground.after_way[block, state, _IN_BACK], cost + costs[row, cell, FROM_BACK]
            )
            _lower(
                states, 1 - now, ground.after_way[block, state, _IN_BOTH], cost + costs[row, cell, FROM_BOTH]
            )
        _lower(states, 1 - now, ground.after_way[block, state, _THROUGH], cost + length)
        _lower(states, 1 - now, ground.after_way[block, state, _TWICE], cost + 2.0 * length)


@compiled
def _across(ground: Ground, distance: float, states: Floats, now: int) -> None:
    """Every way along the cross-aisles, from the states of row `now` into the other row."""
    states[1 - now, :] = NEVER
    for state in range(ground.after_front.shape[0]):
        cost = states[now, state]
        if cost >= NEVER:
            continue
        for turn in range(ground.turn_start[state], ground.turn_start[state + 1]):
            _lower(states, 1 - now, ground.turn_target[turn], cost + distance * ground.turn_edges[turn])
