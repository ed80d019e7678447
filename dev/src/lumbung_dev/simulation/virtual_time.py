"""An event loop whose clock jumps to whatever is due next: minutes of waiting pass in microseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Final

STORY_S_MAX: Final = 3_600.0


class StuckError(Exception):
    """Everybody waits for somebody else: in real life this would hang for ever."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs what is due in the order of its time; nothing in it may do real input or output."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Skipping(self._skip))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now

    def _skip(self, seconds: float) -> None:
        self._now += seconds
        if self._now > STORY_S_MAX:
            raise StuckError(f"not done after {STORY_S_MAX:g} s")


class _Skipping(selectors.SelectSelector):
    """Waits for nothing: the time that it would have waited has passed."""

    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        if timeout is None:
            raise StuckError("nothing is due, and nobody is done")
        if timeout > 0:
            self._skip(timeout)
        return []
