"""What to move where, and the walking that it saves.

A walk is a recorded wave: the places that one picker visited with one cart. Moving a SKU's goods moves its visits, and
the difference of the exact routes, before and after, is what the move saves. Two kinds of moves are tried: into a free
face, and changing places with a SKU that is picked less often.

The walks are dealt into two halves. Moves are chosen on the first, for the goods that are visited most before others,
and what they save is measured on the second: whoever takes the best of many by the same walks by which he
judges it promises too much. A move that saves nothing there is dropped.

What is computed is bounded by counting, not by time, so that a report is repeatable on any machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumbung_fulfillment.domain.bins import Bin
from lumbung_fulfillment.domain.contents import Contents
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.layout import Layout, distinct
from lumbung_fulfillment.domain.moves import Move, MoveReason
from lumbung_fulfillment.domain.routing import walk_m

WALKS_MAX = 400
"""Sampled walks, both halves together."""
MOVED_SKUS_MAX = 400
"""Places that are visited most, for which better ones are looked for."""
TARGETS_MAX = 3
"""Better places that are computed exactly for each."""
VISITS_MAX = 200_000
"""Visits in computed routes after which no more moves are looked for: what a route costs goes with its visits."""

Place = tuple[str, str]
"""(bin_code, sku_code)"""
Walk = tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Slotting:
    """Moves with what each saves a walk, on average over the measured ones, and the walks themselves."""

    moves: tuple[Move, ...]
    walk_m: float
    """The measured walks, as they were."""
    saved_m: float
    """What all moves save of that."""
    measured_count: int


@dataclass(frozen=True, slots=True)
class _Change:
    """Goods of one place go to another bin; those of the other, if any, take their place."""

    place: Place
    to_bin: str
    other: Place | None = None

    @property
    def bins(self) -> tuple[str, str]:
        return self.place[0], self.to_bin

    @property
    def move_count(self) -> int:
        return 2 if self.other else 1

    def stands(self) -> dict[Place, str]:
        """Where the goods are afterwards."""
        moved = {self.place: self.to_bin}
        return moved | {self.other: self.place[0]} if self.other else moved


class _Walks:
    """Walks, and their length as the goods stand."""

    def __init__(self, layout: Layout, bins: Mapping[str, Bin], walks: Sequence[Walk]) -> None:
        self._layout = layout
        self._bins = bins
        self._walks = walks
        self._stands: dict[Place, str] = {}
        self._of_place: dict[Place, list[int]] = {}
        self.computed = 0
        for index, walk in enumerate(walks):
            for place in walk:
                self._of_place.setdefault(place, []).append(index)
        self.lengths = [self._length(walk, {}) for walk in walks]

    def visits(self, place: Place) -> int:
        return len(self._of_place.get(place, ()))

    def touched(self, change: _Change) -> list[int]:
        """Walks that a change alters."""
        return sorted({index for place in change.stands() for index in self._of_place.get(place, ())})

    def saving(self, change: _Change) -> float:
        """Metres, over all walks."""
        stands = change.stands()
        return sum(
            self.lengths[index] - self._length(self._walks[index], stands) for index in self.touched(change)
        )

    def make(self, change: _Change) -> None:
        """The goods stand so from now on."""
        self._stands |= change.stands()
        for index in self.touched(change):
            self.lengths[index] = self._length(self._walks[index], {})

    def _length(self, walk: Walk, stands: Mapping[Place, str]) -> float:
        self.computed += len(walk)
        places = (stands.get(place) or self._stands.get(place) or place[0] for place in walk)
        return walk_m(self._layout, distinct(self._bins[code].stop for code in places))


def report_slotting(
    layout: Layout,
    contents: Contents,
    walks: Sequence[Walk],
    moves_max: int,
    set_faces: Sequence[PickFace] = (),
) -> Slotting:
    """The moves that save most, best first. Places of bins that are no more are left out of their walks. A bin that is
    set as the face of a SKU is not free, also while it is empty."""
    known = [tuple(place for place in walk if place[0] in contents.bins) for walk in walks[:WALKS_MAX]]
    changes = _choose(layout, _Walks(layout, contents.bins, known[0::2]), contents, set_faces)
    measured_on = _Walks(layout, contents.bins, known[1::2])
    before, count = sum(measured_on.lengths), len(measured_on.lengths)
    found = _measured(measured_on, changes[:moves_max])
    moves = tuple(_move(contents, change, saving / count) for change, saving in found)
    return Slotting(moves, before, before - sum(measured_on.lengths), count)


def _measured(walks: _Walks, changes: Iterable[_Change]) -> list[tuple[_Change, float]]:
    """Those that save something on these walks too, with how much, best first for each bin's move."""
    found: list[tuple[_Change, float]] = []
    for change in changes:
        saving = walks.saving(change)
        if saving > 0:
            walks.make(change)
            found.append((change, saving))
    return sorted(found, key=lambda entry: (-entry[1] / entry[0].move_count, entry[0].place))


def _move(contents: Contents, change: _Change, saved_m: float) -> Move:
    bin_code, sku_code = change.place
    return Move(
        sku_code,
        contents.units(bin_code)[sku_code],
        change.to_bin,
        MoveReason.CHANGES_PLACES if change.other else MoveReason.NEARER,
        from_bin_code=bin_code,
        swap_sku_code=change.other[1] if change.other else "",
        swap_quantity=contents.units(change.to_bin)[change.other[1]] if change.other else 0,
        saved_m_per_walk=saved_m,
    )


def _choose(
    layout: Layout, walks: _Walks, contents: Contents, set_faces: Sequence[PickFace]
) -> list[_Change]:
    """For the goods that are visited most, one after the other, the change that saves most for each bin's move; no bin
    twice. Those that look good are computed exactly, and each stands before the next is chosen. The best come first:
    each can be made without the others, for no two share a bin."""
    kept_free = {face.bin_code for face in set_faces if contents.is_free(face.bin_code)}
    faces = [
        place for place in contents.bins.values() if not place.is_reserve and place.code not in kept_free
    ]
    depth = {place.code: layout.depot_distance_m(place.stop) for place in faces}
    sole = {place.code: _sole_place(contents, place.code) for place in faces}
    often = sorted(
        (place for place in sole.values() if place and walks.visits(place)),
        key=lambda place: (-walks.visits(place), place),
    )
    chosen: list[tuple[float, _Change]] = []
    for place in often[:MOVED_SKUS_MAX]:
        if walks.computed > VISITS_MAX:
            break
        gain, best = _best(walks, depth, _options(contents, place, sole)) if place[0] in sole else _NONE
        if best is not None:
            walks.make(best)
            chosen.append((gain, best))
            for code in best.bins:
                del sole[code]
    return [change for _, change in sorted(chosen, key=lambda entry: (-entry[0], entry[1].place))]


_NONE: tuple[float, _Change | None] = (0.0, None)


def _best(
    walks: _Walks, depth: Mapping[str, float], options: Iterable[_Change]
) -> tuple[float, _Change | None]:
    """The one that saves most for each bin's move, of those that look good; none when none saves."""
    promised = ((_promise(walks, depth, change), change) for change in options)
    good = heapq.nlargest(
        TARGETS_MAX,
        (entry for entry in promised if entry[0] > 0),
        key=lambda entry: (entry[0], entry[1].to_bin),
    )
    gains = [(walks.saving(change) / change.move_count, change) for _, change in good]
    best = max(gains, key=lambda entry: entry[0], default=_NONE)
    return best if best[0] > 0 else _NONE


def _sole_place(contents: Contents, bin_code: str) -> Place | None:
    """What lies in a bin, if it is one SKU alone."""
    skus = list(contents.units(bin_code))
    return (bin_code, skus[0]) if len(skus) == 1 else None


def _options(contents: Contents, place: Place, sole: Mapping[str, Place | None]) -> Iterable[_Change]:
    """Every face that is free, or holds one other SKU, and has the room that it takes."""
    bin_code, sku_code = place
    units = contents.units(bin_code)[sku_code]
    for target, other in sole.items():
        if target == bin_code or not _holds(contents, target, units):
            continue
        if contents.is_free(target):
            yield _Change(place, target)
        elif other and other[1] != sku_code and _holds(contents, bin_code, contents.units(target)[other[1]]):
            yield _Change(place, target, other)


def _holds(contents: Contents, bin_code: str, units: int) -> bool:
    capacity = contents.bins[bin_code].capacity_units
    return not capacity or units <= capacity


def _promise(walks: _Walks, depth: Mapping[str, float], change: _Change) -> float:
    """What a change could save for each bin's move, roughly: as if each visit were a walk of its own."""
    visits = walks.visits(change.place) - (walks.visits(change.other) if change.other else 0)
    return visits * (depth[change.place[0]] - depth[change.to_bin]) / change.move_count
