"""The states of a tour that is laid out aisle by aisle, and the transitions between them.

All that matters of the part of a tour that is already laid out is, for each crossing of the current aisle
with a cross-aisle, whether its degree is zero, odd or even, and which crossings are connected with each
other. There are few such states (6, 24 and 112 for one, two and three blocks), and they depend on the number
of cross-aisles alone: they are worked out once and kept as a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import product

CROSS_AISLES_MAX = 4

# Per crossing, from the front: its degree (0 none, 1 odd, 2 even and not none) and the number of its
# component, counted from 1 in order of appearance; 0 for a crossing that nothing touches.
State = tuple[tuple[int, int], ...]


class Way(IntEnum):
    """How a stretch of aisle between two neighbouring cross-aisles is walked."""

    NOT = 0
    THROUGH = 1
    TWICE = 2
    FROM_FRONT = 3
    FROM_BACK = 4
    FROM_BOTH = 5


@dataclass(frozen=True, slots=True)
class Turn:
    """One way along the cross-aisles to the next aisle: edges per cross-aisle, and the state it leads to."""

    edges: tuple[int, ...]
    edge_count: int
    target: int


@dataclass(frozen=True, slots=True)
class Automaton:
    """Every state that can be reached, by number, and what each choice makes of it.

    `front[state]` is the state after the front crossing was visited, `ways[block][state][way]` the state
    after a block was walked, `turns[state]` the possible ways to the next aisle.
    """

    start: int
    finals: frozenset[int]
    front: tuple[int, ...]
    ways: tuple[tuple[tuple[int, ...], ...], ...]
    turns: tuple[tuple[Turn, ...], ...]


class _Numbers:
    """States by number, in order of discovery."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self._numbers: dict[State, int] = {}

    def __call__(self, state: State) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self.states)
            self.states.append(state)
        return self._numbers[state]


@lru_cache(maxsize=CROSS_AISLES_MAX)
def automaton(cross_aisles: int) -> Automaton:
    """Closes the set of states under all transitions."""
    if not 2 <= cross_aisles <= CROSS_AISLES_MAX:
        raise ValueError(
            f"exact routes are found for 2 to {CROSS_AISLES_MAX} cross-aisles, not {cross_aisles}"
        )
    number_of = _Numbers()
    start = number_of(((0, 0),) * cross_aisles)
    front: list[int] = []
    ways: list[list[tuple[int, ...]]] = [[] for _ in range(cross_aisles - 1)]
    turns: list[tuple[Turn, ...]] = []
    while len(front) < len(number_of.states):
        state = number_of.states[len(front)]
        front.append(number_of(_touched(state, 0)))
        for block, table in enumerate(ways):
            table.append(tuple(number_of(_after_way(state, block, way)) for way in Way))
        turns.append(tuple(Turn(edges, sum(edges), number_of(after)) for edges, after in _after_turns(state)))
    finals = frozenset(number for number, state in enumerate(number_of.states) if _is_final(state))
    return Automaton(start, finals, tuple(front), tuple(tuple(table) for table in ways), tuple(turns))


def _after_way(state: State, block: int, way: Way) -> State:
    match way:
        case Way.NOT:
            return state
        case Way.THROUGH:
            return _joined(state, block, 1)
        case Way.TWICE:
            return _joined(state, block, 2)
        case Way.FROM_FRONT:
            return _touched(state, block)
        case Way.FROM_BACK:
            return _touched(state, block + 1)
        case Way.FROM_BOTH:
            return _touched(_touched(state, block), block + 1)


def _touched(state: State, crossing: int) -> State:
    """There and back again from one crossing: its degree grows by two."""
    if state[crossing][0]:
        return state
    return _renumbered(_replaced(state, crossing, (2, _fresh_component(state))))


def _joined(state: State, block: int, edges: int) -> State:
    """One or two edges between the crossings at both ends of a block."""
    for crossing in (block, block + 1):
        degree, component = state[crossing]
        grown = (2 if degree == 1 else 1) if edges == 1 else (degree or 2)
        state = _replaced(state, crossing, (grown, component or _fresh_component(state)))
    kept, lost = state[block][1], state[block + 1][1]
    return _renumbered(tuple((degree, kept if label == lost else label) for degree, label in state))


def _replaced(state: State, crossing: int, value: tuple[int, int]) -> State:
    return (*state[:crossing], value, *state[crossing + 1 :])


def _fresh_component(state: State) -> int:
    return 1 + max(label for _, label in state)


def _after_turns(state: State) -> Iterator[tuple[tuple[int, ...], State]]:
    """The crossings left behind must be even, and no component may be left behind altogether."""
    choices = [((0,), (1,), (0, 2))[degree] for degree, _ in state]
    components = {label for _, label in state if label}
    for edges in product(*choices):
        going_on = [(count, label if count else 0) for (_, label), count in zip(state, edges, strict=True)]
        if components and {label for _, label in going_on if label} == components:
            yield edges, _renumbered(tuple(going_on))


def _renumbered(state: State) -> State:
    """Components counted from 1 in order of appearance, so that equal states look equal."""
    names: dict[int, int] = {}
    return tuple((degree, names.setdefault(label, len(names) + 1) if label else 0) for degree, label in state)


def _is_final(state: State) -> bool:
    """A closed tour: every crossing even, all of it connected."""
    return all(degree != 1 for degree, _ in state) and {label for _, label in state if label} == {1}
