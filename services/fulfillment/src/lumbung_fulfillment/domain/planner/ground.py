"""A floor and the stops that a plan may need, as arrays.

A cart's stops are bits: the stops of one block of one aisle stand together, from the front on, in words of 64.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.planner.compiled import Bits, Flags, Floats, Ints
from lumbung_fulfillment.domain.routing.automaton import Automaton, Way, automaton

WORD = 64


class Ground(NamedTuple):
    """Columns from left to right (the aisles, and the depot where it lies between two), and a tour's states.

    A `cell` is one block of one column; cells are counted column by column, from the front. `y` has a place for each
    bit; `turn_*` list the ways along the cross-aisles out of each state, from `turn_start[state]` on.
    """

    x: Floats
    walkable: Flags
    depot: int
    front: Floats
    back: Floats
    first_word: Ints
    y: Floats
    start: int
    after_front: Ints
    after_way: Ints
    turn_start: Ints
    turn_target: Ints
    turn_edges: Floats
    is_final: Flags


class Places(NamedTuple):
    """Where a stop's bit is, and of which cell it is one."""

    bit_of: dict[Stop, int]
    cell_of: Ints


def grounded(layout: Layout, stops: Collection[Stop]) -> tuple[Ground, Places]:
    """The floor for these stops. Raises LayoutUnusable for a stop that lies on no aisle."""
    for stop in stops:
        layout.check(stop)
    x = sorted({*layout.aisle_x, layout.depot_x})
    column_of = {aisle: x.index(at) for aisle, at in enumerate(layout.aisle_x)}
    places, first_word, y = _placed(layout, stops, column_of, len(x))
    machine = automaton(len(layout.cross_aisle_y))
    ends = np.array(layout.cross_aisle_y)
    aisles = set(layout.aisle_x)
    return (
        Ground(
            np.array(x),
            np.array([at in aisles for at in x]),
            x.index(layout.depot_x),
            ends[:-1].copy(),
            ends[1:].copy(),
            first_word,
            y,
            machine.start,
            np.array(machine.front, dtype=np.int64),
            np.array(machine.ways, dtype=np.int64).reshape(layout.block_count, len(machine.front), len(Way)),
            *_turns(machine),
            np.array([state in machine.finals for state in range(len(machine.front))]),
        ),
        places,
    )


def _placed(
    layout: Layout, stops: Collection[Stop], column_of: dict[int, int], columns: int
) -> tuple[Places, Ints, Floats]:
    by_cell: dict[int, list[Stop]] = defaultdict(list)
    for stop in sorted(set(stops), key=lambda stop: stop.y):
        by_cell[column_of[stop.aisle] * layout.block_count + layout.block_of(stop.y)].append(stop)
    cells = columns * layout.block_count
    words = [-(-len(by_cell[cell]) // WORD) for cell in range(cells)]
    first_word = np.concatenate(([0], np.cumsum(words, dtype=np.int64))).astype(np.int64)
    y = np.zeros(max(1, int(first_word[-1])) * WORD)
    bit_of: dict[Stop, int] = {}
    for cell, found in by_cell.items():
        for place, stop in enumerate(found):
            bit = int(first_word[cell]) * WORD + place
            bit_of[stop] = bit
            y[bit] = stop.y
    return Places(bit_of, np.repeat(np.arange(cells, dtype=np.int64), words)), first_word, y


def _turns(machine: Automaton) -> tuple[Ints, Ints, Floats]:
    counts = [len(turns) for turns in machine.turns]
    listed = [turn for turns in machine.turns for turn in turns]
    return (
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        np.array([turn.target for turn in listed], dtype=np.int64),
        np.array([turn.edge_count for turn in listed], dtype=np.float64),
    )


def bits_of(places: Places, stops: Collection[Stop], words: int) -> Bits:
    """A row of words with these stops."""
    row = [0] * words
    for stop in stops:
        bit = places.bit_of[stop]
        row[bit // WORD] |= 1 << (bit % WORD)
    return np.array(row, dtype=np.uint64)
