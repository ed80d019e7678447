"""Small parts for background loops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn


async def every(interval_s: float, step: Callable[[], Awaitable[None]]) -> NoReturn:
    """Runs `step` at once and again `interval_s` after each end, for ever. What `step` raises ends it."""
    while True:
        await step()
        await asyncio.sleep(interval_s)


class Wakeup:
    """Lets one loop sleep until somebody has work for it, or a time has passed. Rings are not counted."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wakes the waiting loop, or makes its next wait return at once."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """True when rung since the last wait, False when `timeout_s` passed first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
