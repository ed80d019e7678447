"""How many may go now: an even pace while others need the process, and else everybody within a second."""

from __future__ import annotations

AT_ONCE_S = 0.05
"""What one look may let go at the most, in seconds of the highest pace: the others of the process wait no longer."""


class Pace:
    """Saves up what was not used, up to `saved_max`, which may then go within a second, evenly. While the process has
    time to spare, as many may go again and again."""

    def __init__(self, *, per_s: int, saved_max: int) -> None:
        self._per_s = per_s
        self._saved_max = saved_max
        self._peak_per_s = 1.5 * max(per_s, saved_max)
        self._saved: float = saved_max
        self._looked_at = self._used = 0.0

    def take(self, now: float, wanted: int, *, used: float | None = None, idle: bool = False) -> int:
        """How many of those that are wanted may go. `now` is in seconds and never goes back, nor does `used`, by
        which the pace goes: the process's own time, which passes slowly where many share the machine."""
        waited_s, self._looked_at = now - self._looked_at, now
        used_s, self._used = (waited_s, self._used) if used is None else (used - self._used, used)
        self._saved = self._saved_max if idle else min(self._saved_max, self._saved + self._per_s * used_s)
        at_once = self._peak_per_s * min(waited_s, AT_ONCE_S)
        count = min(wanted, int(self._saved), max(1, int(at_once)))
        self._saved -= count
        return count
