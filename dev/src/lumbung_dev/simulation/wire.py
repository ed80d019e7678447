"""The wire between a process and a store: slow, cut before or after the call took effect, paused, dead."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from lumbung_kit.failures import StoreUnavailable

DELAY_S_MEAN: Final = 0.002
DELAY_S_MAX: Final = 0.5
READ_AGAIN_S: Final = 0.1


@dataclass
class Weather:
    """How stores behave at the moment. `away` has the names of those that nobody reaches."""

    rng: random.Random
    cut_ratio: float = 0.0
    away: set[str] = field(default_factory=set)

    async def pass_time(self) -> None:
        """One way through the network: mostly quick, now and then not."""
        mean = DELAY_S_MEAN if self.rng.random() < 0.97 else DELAY_S_MAX / 3
        await asyncio.sleep(min(DELAY_S_MAX, self.rng.expovariate(1 / mean)))

    def cuts(self, store: str) -> bool:
        """Whether this message gets lost."""
        return store in self.away or self.rng.random() < self.cut_ratio


class Body:
    """A process as the operating system sees it: it can be stopped, go on, and be killed."""

    def __init__(self) -> None:
        self.dead = False
        self.cut_off_from: set[str] = set()
        """Stores that it alone cannot reach."""
        self._runs = asyncio.Event()
        self._runs.set()

    def stop(self) -> None:
        """SIGSTOP."""
        self._runs.clear()

    def go_on(self) -> None:
        """SIGCONT."""
        self._runs.set()

    def kill(self) -> None:
        """SIGKILL: what it was about to do is never done."""
        self.dead = True
        self._runs.set()

    async def breathe(self) -> None:
        """Returns while the process runs; never, once it is dead."""
        await self._runs.wait()
        if self.dead:
            await asyncio.get_running_loop().create_future()


class Wire:
    """A store as one process sees it: every method of it, each call over the network and back.

    Cut on the way there, nothing happened; cut on the way back, it did and the caller cannot know. `look` is called
    after each that took effect.
    """

    def __init__(
        self, name: str, store: object, body: Body, weather: Weather, look: Callable[[], None]
    ) -> None:
        self._look = look
        self._name = name
        self._store = store
        self._body = body
        self._weather = weather

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        async def call(*args: Any, **options: Any) -> Any:
            await self._one_way()
            answer = method(*args, **options)
            self._look()
            if name == "read_journal" and not answer:
                answer = await self._wait_for_entries(method, *args, **options)
            await self._one_way()
            return answer

        return call

    async def _one_way(self) -> None:
        await self._body.breathe()
        await self._weather.pass_time()
        await self._body.breathe()
        if self._weather.cuts(self._name) or self._name in self._body.cut_off_from:
            raise StoreUnavailable(retry_after_s=0.5)

    async def _wait_for_entries(
        self, read: Callable[..., Any], code: str, count: int, wait_s: float = 0.0
    ) -> Any:
        """XREAD's BLOCK."""
        waited = 0.0
        while waited < wait_s and not read(code, count):
            await asyncio.sleep(READ_AGAIN_S)
            waited += READ_AGAIN_S
        return read(code, count)
