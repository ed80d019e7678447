"""Orders as arrays: their bits, what they ask of a cart, until when they are wanted, and which are near each other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lumbung_fulfillment.domain.cart import Capacity, Job, Load
from lumbung_fulfillment.domain.planner.compiled import NEVER, Bits, Floats, Ints, compiled
from lumbung_fulfillment.domain.planner.ground import WORD, Ground, Places
from lumbung_fulfillment.domain.planner.walks import measure_all, shortest

NEAR_MAX = 60
"""Orders that are remembered as near to each order."""
_NEAR_CANDIDATES = 120
"""Orders of which the walk together is looked at for that: those with most cells in common."""
_MARKS_SEED = 20_260_118


class Demand(NamedTuple):
    """Orders by number. Lists of lists are flat, with the place at which each order's part begins.

    `alone` is each order's walk alone, in metres; `wanted` the second by which it has to be picked, NEVER when there is
    none; `mark` a random word for each, of which a cart's key is made (Zobrist 1970).
    """

    bit_start: Ints
    bit: Ints
    cell_start: Ints
    cell: Ints
    load: Ints
    alone: Floats
    wanted: Floats
    near: Ints
    mark: Bits


def demanded(ground: Ground, places: Places, jobs: Sequence[Job], wanted_s: Sequence[float | None]) -> Demand:
    """The orders on this ground; `wanted_s` is in seconds from the beginning of picking."""
    bits = [sorted(places.bit_of[stop] for stop in job.stops) for job in jobs]
    cells = [sorted({int(places.cell_of[bit // WORD]) for bit in row}) for row in bits]
    rows = _rows(bits, int(ground.first_word[-1]))
    occupied = _rows(cells, -(-(len(ground.first_word) - 1) // WORD))
    alone = walks_of_rows(ground, rows)
    return Demand(
        *_flat(bits),
        *_flat(cells),
        np.array([_figures(job.load) for job in jobs], dtype=np.int64),
        alone,
        np.array([NEVER if wanted is None else wanted for wanted in wanted_s]),
        nearest(ground, rows, occupied, alone, min(NEAR_MAX, len(jobs) - 1)),
        _marks(len(jobs)),
    )


def limits(capacity: Capacity) -> Ints:
    """A cart's limits in the order of `Demand.load`; 0 where there is none."""
    load = Load(capacity.units, capacity.totes, capacity.weight_g, capacity.volume_ml, capacity.picks)
    return np.array(_figures(load), dtype=np.int64)


def _figures(load: Load) -> list[int]:
    return [load.units, load.totes, load.weight_g, load.volume_ml, load.picks]


def _flat(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    starts = np.concatenate(([0], np.cumsum([len(found) for found in lists]))).astype(np.int64)
    return starts, np.array([value for found in lists for value in found], dtype=np.int64)


def _rows(lists: Sequence[Sequence[int]], words: int) -> Bits:
    rows = np.zeros((len(lists), max(1, words)), dtype=np.uint64)
    for row, found in enumerate(lists):
        for bit in found:
            rows[row, bit // WORD] |= np.uint64(1 << (bit % WORD))
    return rows


def _marks(count: int) -> Bits:
    draw = random.Random(_MARKS_SEED)
    return np.array([draw.getrandbits(64) | 1 for _ in range(count)], dtype=np.uint64)


@compiled
def walks_of_rows(ground: Ground, rows: Bits) -> Floats:
    """The shortest walk for each row of bits alone."""
    count = rows.shape[0]
    costs = np.empty((1, ground.first_word.shape[0] - 1, 3))
    states = np.empty((2, ground.after_front.shape[0]))
    row = np.empty((1, rows.shape[1]), dtype=np.uint64)
    found = np.empty(count)
    for number in range(count):
        row[0, :] = rows[number, :]
        measure_all(ground, row, 0, costs)
        found[number] = shortest(ground, costs, 0, states)
    return found


@compiled
def nearest(ground: Ground, rows: Bits, occupied: Bits, alone: Floats, count: int) -> Ints:
    """For each order those that lengthen the longer one's walk least; -1 where there are fewer."""
    orders = rows.shape[0]
    near = np.full((orders, max(1, count)), -1, dtype=np.int64)
    costs = np.empty((1, ground.first_word.shape[0] - 1, 3))
    states = np.empty((2, ground.after_front.shape[0]))
    union = np.empty((1, rows.shape[1]), dtype=np.uint64)
    looked_at = min(_NEAR_CANDIDATES, orders - 1)
    apart = np.empty(orders)
    longer = np.empty(looked_at)
    for order in range(orders):
        for other in range(orders):
            apart[other] = _apartness(occupied, order, other)
        apart[order] = NEVER
        candidates = np.argsort(apart, kind="mergesort")[:looked_at]
        for place in range(looked_at):
            other = candidates[place]
            union[0, :] = rows[order, :] | rows[other, :]
            measure_all(ground, union, 0, costs)
            longer[place] = shortest(ground, costs, 0, states) - max(alone[order], alone[other])
        ranked = np.argsort(longer, kind="mergesort")
        for place in range(count):
            near[order, place] = candidates[ranked[place]]
    return near


@compiled
def _apartness(occupied: Bits, order: int, other: int) -> float:
    """How many more cells the one with fewer brings, most cells in common first."""
    common = own = theirs = 0
    for word in range(occupied.shape[1]):
        common += count_bits(occupied[order, word] & occupied[other, word])
        own += count_bits(occupied[order, word])
        theirs += count_bits(occupied[other, word])
    return float(min(own, theirs) - common) - 0.001 * float(common)


@compiled
def count_bits(word: np.uint64) -> int:
    """How many bits of a word are set (Warren, Hacker's Delight, 5-1)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
