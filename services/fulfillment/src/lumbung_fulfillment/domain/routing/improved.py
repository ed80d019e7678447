"""A good walk, not proven shortest, for layouts of more than three blocks: cheapest insertion, then 2-opt
and or-opt.

Deterministic: the same stops give the same walk. The tests hold it against the exact walk on small layouts.
"""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_fulfillment.domain.layout import Layout, Stop, distinct

_SEGMENT_MAX = 3
_PASSES_MAX = 50
_TOLERANCE_M = 1e-9

# A walk as indices into a matrix, 0 for the depot at its beginning.
_Matrix = list[list[float]]


def improved_order(layout: Layout, stops: Sequence[Stop]) -> tuple[Stop, ...]:
    """The stops, each once, in the order of a good walk. A pass takes time with the square of the stops."""
    wanted = distinct(stops)
    matrix = _matrix(layout, wanted)
    walk = _inserted(matrix)
    for _ in range(_PASSES_MAX):
        if not (_two_opt(matrix, walk) or _or_opt(matrix, walk)):
            break
    return tuple(wanted[index - 1] for index in walk[1:])


def _matrix(layout: Layout, stops: Sequence[Stop]) -> _Matrix:
    first = [0.0, *(layout.depot_distance_m(stop) for stop in stops)]
    rows = [
        [layout.depot_distance_m(stop), *(layout.distance_m(stop, other) for other in stops)]
        for stop in stops
    ]
    return [first, *rows]


def _inserted(matrix: _Matrix) -> list[int]:
    """Each stop where it adds least, farthest stops first."""
    walk = [0]
    for stop in sorted(range(1, len(matrix)), key=lambda index: (-matrix[0][index], index)):
        places = range(1, len(walk) + 1)
        place = min(places, key=lambda p: (_detour(matrix, walk[p - 1], stop, walk[p % len(walk)]), p))
        walk.insert(place, stop)
    return walk


def _detour(matrix: _Matrix, here: int, by: int, there: int) -> float:
    return matrix[here][by] + matrix[by][there] - matrix[here][there]


def _two_opt(matrix: _Matrix, walk: list[int]) -> bool:
    """Turns stretches of the walk round while that shortens it."""
    improved = False
    count = len(walk)
    for first in range(count - 1):
        for last in range(first + 1, count):
            before, begin, end, after = walk[first], walk[first + 1], walk[last], walk[(last + 1) % count]
            saved = matrix[before][begin] + matrix[end][after] - matrix[before][end] - matrix[begin][after]
            if saved > _TOLERANCE_M:
                walk[first + 1 : last + 1] = walk[first + 1 : last + 1][::-1]
                improved = True
    return improved


def _or_opt(matrix: _Matrix, walk: list[int]) -> bool:
    """Moves short stretches of the walk to where they cost less."""
    improved = False
    for length in range(1, _SEGMENT_MAX + 1):
        for first in range(1, len(walk) - length + 1):
            improved |= _moved(matrix, walk, first, length)
    return improved


def _moved(matrix: _Matrix, walk: list[int], first: int, length: int) -> bool:
    segment = walk[first : first + length]
    rest = walk[:first] + walk[first + length :]
    here, there = walk[first - 1], walk[(first + length) % len(walk)]
    saved = matrix[here][segment[0]] + matrix[segment[-1]][there] - matrix[here][there]
    best, place, chosen = saved - _TOLERANCE_M, 0, segment
    for candidate in (segment, segment[::-1]):
        for position in range(1, len(rest) + 1):
            left, right = rest[position - 1], rest[position % len(rest)]
            added = matrix[left][candidate[0]] + matrix[candidate[-1]][right] - matrix[left][right]
            if added < best:
                best, place, chosen = added, position, candidate
    if not place:
        return False
    walk[:] = rest[:place] + chosen + rest[place:]
    return True
