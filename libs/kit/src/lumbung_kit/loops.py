"""Small parts for background loops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn


async def every(interval_s: float, step: Callable[[], Awaitable[object]]) -> NoReturn:
    """Runs `step` at once and again `interval_s` after each end, for ever. What `step` raises ends it."""
    while True:
        await step()
        await asyncio.sleep(interval_s)


def loop_time() -> float:
    """Monotonic seconds by the running loop's clock: the one that its sleeps and time-outs go by."""
    return asyncio.get_running_loop().time()


CANCEL_AGAIN_S = 1.0


async def end(tasks: Iterable[asyncio.Task[Any]], *, again_s: float = CANCEL_AGAIN_S) -> None:
    """Cancels tasks until they have ended, whatever they end with.

    Once is not always enough: before Python 3.12, `asyncio.wait_for` loses a cancellation that arrives in the
    moment in which it finishes, and drivers use it for each command.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=again_s)
        for task in done:
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain of it


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
