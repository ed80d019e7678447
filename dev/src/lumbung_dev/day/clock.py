"""Virtual time: people sleep in it, and it goes on when everybody sleeps.

The loop of a discrete simulation, over coroutines: whoever calls a service keeps the clock from going on until the
answer is there, so that a day's work takes as long as the calls take, and no longer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import count
from typing import Any

Tell = Callable[[float], Awaitable[None]]


class Clock:
    """Seconds since midnight. Who wakes within `window_s` of the first wakes with them, and they work side by side.

    `tell` hears of each new instant before anybody wakes.
    """

    def __init__(self, begin_s: float, tell: Tell, window_s: float = 0.0) -> None:
        self.now_s = begin_s
        self._tell = tell
        self._window_s = window_s
        self._asleep: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._awake = 0
        self._all_asleep = asyncio.Event()
        self._group: asyncio.TaskGroup

    async def play(self, people: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Until nobody is left. What one of them raises ends it for all."""
        async with asyncio.TaskGroup() as self._group:
            for person in people:
                self.begin(person)
            while await self._goes_on():
                pass

    def begin(self, person: Coroutine[Any, Any, None]) -> None:
        """Somebody comes along, awake."""
        self._awake += 1
        self._group.create_task(self._live(person))

    async def until(self, at_s: float) -> None:
        """Sleeps until then."""
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._asleep, (at_s, next(self._numbers), wake))
        self._one_less()
        await wake

    async def _live(self, person: Coroutine[Any, Any, None]) -> None:
        await person
        self._one_less()

    def _one_less(self) -> None:
        self._awake -= 1
        if not self._awake:
            self._all_asleep.set()

    async def _goes_on(self) -> bool:
        """Waits until all sleep, and wakes the next ones; False when nobody is left."""
        await self._all_asleep.wait()
        self._all_asleep.clear()
        if not self._asleep:
            return False
        self.now_s = max(self.now_s, self._asleep[0][0])
        await self._tell(self.now_s)
        while self._asleep and self._asleep[0][0] <= self.now_s + self._window_s:
            _, _, wake = heapq.heappop(self._asleep)
            self._awake += 1
            wake.set_result(None)
        return True


class Watch:
    """One person's own time: exact, also where the clock wakes several at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.now_s = clock.now_s

    async def sleep(self, seconds: float) -> None:
        """So much later."""
        await self.until(self.now_s + seconds)

    async def until(self, at_s: float) -> None:
        """Not before that."""
        self.now_s = max(self.now_s, at_s)
        await self._clock.until(self.now_s)
