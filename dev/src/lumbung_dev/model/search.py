"""Breadth first through all worlds: a broken promise comes with the shortest way to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lumbung_dev.model.sale_protocol import Bounds, Protocol, Variant, World, broken_promise, opened

WORLDS_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search came to. `broken` is empty when every world within the bounds keeps every promise."""

    worlds: int
    broken: str = ""
    way: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.broken:
            return f"{self.worlds:,} worlds, every promise kept"
        steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(self.way, 1))
        return f"{self.broken}, after\n{steps}"


class TooManyWorldsError(Exception):
    """The bounds allow more worlds than a search keeps in memory; nothing can be said of the rest."""


def search(bounds: Bounds, variant: Variant | None = None, *, worlds_max: int = WORLDS_MAX) -> Finding:
    """Looks at every world that can be reached. Raises TooManyWorldsError."""
    protocol, start = Protocol(bounds, variant), opened(bounds)
    came_from: dict[World, tuple[str, World] | None] = {start: None}
    queue = deque([start])
    while queue:
        world = queue.popleft()
        if broken := broken_promise(world, bounds):
            return Finding(len(came_from), broken, _way_to(world, came_from))
        for step, after in protocol.steps(world):
            if after not in came_from:
                came_from[after] = (step, world)
                queue.append(after)
        if len(came_from) > worlds_max:
            raise TooManyWorldsError(f"more than {worlds_max:,} worlds")
    return Finding(len(came_from))


def _way_to(world: World, came_from: dict[World, tuple[str, World] | None]) -> tuple[str, ...]:
    steps: list[str] = []
    origin = came_from[world]
    while origin is not None:
        step, before = origin
        steps.append(step)
        origin = came_from[before]
    return tuple(reversed(steps))
