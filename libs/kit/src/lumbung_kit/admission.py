"""Who is let in when there is more to do than can be done. Pure: whoever asks says what time it is.

Three questions, in this order, and none of them while little is under way:

1. Is there room? So many are under way at once and no more.
2. Is it this principal's turn? Once three quarters are taken, one who uses more than its share is refused, so
   that the flood of one leaves room for all others. Below that mark nobody is limited.
3. Can it be done in time? Work that is sure to be late is refused before it costs anything.

A refusal says when to come back: later, the more callers are refused, and never all at the same moment.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

BUSY: Final = 128
"""Under way at once before anybody is asked anything: a process with less to do answers as fast as it can."""
HIGH_WATER: Final = 0.75
RESERVE: Final = 0.1
"""The part of the limit that is nobody's share, for those who were not here a moment ago."""
ACTIVE_S: Final = 10.0
"""A principal counts as active for so long after its last call has ended."""
IDLE_PRINCIPALS_MAX: Final = 1024
PROBE_EVERY: Final = 16
"""One call in so many that seem hopeless is let in all the same, or nobody would notice that things are better."""
RETRY_S_MIN: Final = 0.1
RETRY_S_MAX: Final = 5.0


class Shed(StrEnum):
    """Why a call was refused."""

    IN_FLIGHT = "in_flight"
    FAIR_SHARE = "fair_share"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now."""

    shed: Shed
    retry_after_s: float


class Pace:
    """How long calls of one kind take, from their arrival to their end: a smoothed mean and deviation."""

    __slots__ = ("_deviation_s", "_hopeless", "_mean_s")

    def __init__(self) -> None:
        self._mean_s = 0.0
        self._deviation_s = 0.0
        self._hopeless = 0

    def took(self, seconds: float) -> None:
        """One more has ended by itself."""
        off = seconds - self._mean_s
        self._mean_s += off / 16
        self._deviation_s += (abs(off) - self._deviation_s) / 16

    def was_late_after(self, seconds: float) -> None:
        """One more was given up. Nobody knows how long it would have taken: twice that time is the guess."""
        self.took(seconds * 2)

    @property
    def at_least_s(self) -> float:
        """Hardly any call is quicker now."""
        return self._mean_s - 2 * self._deviation_s

    def is_hopeless(self, remaining_s: float) -> bool:
        """Whether a call with so much time left is sure to be late; one in `PROBE_EVERY` such calls may try."""
        if remaining_s >= self.at_least_s:
            return False
        self._hopeless += 1
        return self._hopeless % PROBE_EVERY != 0


class Admission:
    """Counts what is under way, in units of work (a plain call is one), and refuses what is too much."""

    def __init__(self, limit: int, random: Random) -> None:
        self.in_flight = 0
        self._limit = limit
        self._random = random
        self._busy_from = min(limit, BUSY)
        self._calm_below = self._busy_from // 2
        self._asks_from = self._busy_from
        self._high_water = int(limit * HIGH_WATER)
        self._shares = limit - int(limit * RESERVE)
        self._active: dict[str, int] = {}
        self._idle: OrderedDict[str, float] = OrderedDict()
        self._refused = 0.0

    def enter(self, principal: str, pace: Pace, remaining_s: float, now_s: float) -> Refused | None:
        """Counts one more unit for the principal, or says why not. Each that enters must `leave`."""
        if self.in_flight < self._asks_from:
            self._asks_from = self._busy_from
        else:
            self._asks_from = self._calm_below
            shed = self._too_much(principal, 1, now_s)
            if shed is None and pace.is_hopeless(remaining_s):
                shed = Shed.DEADLINE
            if shed is not None:
                return self._refuse(shed)
        self._count(principal, 1)
        return None

    def grow(self, principal: str, units: int, now_s: float) -> Refused | None:
        """A call that has entered turns out to be so many units more, or is too much."""
        if self.in_flight + units > self._busy_from and self.in_flight > 1:
            shed = self._too_much(principal, units, now_s)
            if shed is not None:
                return self._refuse(shed)
        self._count(principal, units)
        return None

    def leave(self, principal: str, units: int, now_s: float) -> None:
        """Takes back what `enter` and `grow` have counted."""
        self.in_flight -= units
        left = self._active[principal] - units
        if left:
            self._active[principal] = left
            return
        del self._active[principal]
        self._idle[principal] = now_s
        if len(self._idle) > IDLE_PRINCIPALS_MAX:
            self._idle.popitem(last=False)

    def retry_after_s(self) -> float:
        """When nine of ten are refused, ten times as many come as can be served: they may come a tenth as often."""
        delay_s = RETRY_S_MIN / max(1 - self._refused, RETRY_S_MIN / RETRY_S_MAX)
        return delay_s * self._random.uniform(0.5, 1.5)

    def _count(self, principal: str, units: int) -> None:
        self.in_flight += units
        self._refused -= self._refused / 256
        held = self._active.get(principal)
        if held is None:
            self._idle.pop(principal, None)
            held = 0
        self._active[principal] = held + units

    def _too_much(self, principal: str, units: int, now_s: float) -> Shed | None:
        if self.in_flight + units > self._limit:
            return Shed.IN_FLIGHT
        if self.in_flight < self._high_water:
            return None
        held = self._active.get(principal, 0)
        return Shed.FAIR_SHARE if held and held + units > self._share(now_s) else None

    def _share(self, now_s: float) -> int:
        idle = self._idle
        while idle and now_s - next(iter(idle.values())) > ACTIVE_S:
            idle.popitem(last=False)
        return self._shares // (len(self._active) + len(idle))

    def _refuse(self, shed: Shed) -> Refused:
        self._refused += (1 - self._refused) / 256
        return Refused(shed, self.retry_after_s())
