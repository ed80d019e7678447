"""Answers of the database, remembered for about a second: for readers that ask the same all the time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key: memory first, then one `load` of all that are missing or too old.

    Keys that `load` does not answer are absent and asked for again next time. At most `max_entries` are kept,
    those used last. Callers that miss at the same time share a load: one loads, the others wait and look.
    """

    def __init__(
        self,
        load: Callable[[Collection[K]], Awaitable[Mapping[K, V]]],
        *,
        max_age_s: float,
        max_entries: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._max_age_s = max_age_s
        self._max_entries = max_entries
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._forgotten = 0
        self._loading = asyncio.Lock()

    async def find(self, keys: Iterable[K]) -> dict[K, V]:
        """The values of these keys."""
        wanted = list(dict.fromkeys(keys))
        found = self._fresh(wanted)
        if len(found) == len(wanted):
            return found
        async with self._loading:
            found |= self._fresh(key for key in wanted if key not in found)
            missing = [key for key in wanted if key not in found]
            if missing:
                found |= await self._load_and_keep(missing)
        return found

    def forget(self, keys: Iterable[K]) -> None:
        """The next `find` of these keys asks the database, also when an answer is on its way right now."""
        self._forgotten += 1
        for key in keys:
            self._entries.pop(key, None)

    async def _load_and_keep(self, keys: list[K]) -> Mapping[K, V]:
        asked_at, forgotten = self._clock(), self._forgotten
        loaded = await self._load(keys)
        if forgotten == self._forgotten:
            for key, value in loaded.items():
                self._entries[key] = (asked_at, value)
                self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        return loaded

    def _fresh(self, keys: Iterable[K]) -> dict[K, V]:
        oldest = self._clock() - self._max_age_s
        found = {}
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and entry[0] >= oldest:
                self._entries.move_to_end(key)
                found[key] = entry[1]
        return found
