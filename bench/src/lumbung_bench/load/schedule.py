"""When requests are due. Latency is counted from then, whatever kept the request from being sent."""

from __future__ import annotations

import random
from typing import Protocol


class Schedule(Protocol):
    """Asked before every round of sending."""

    def due(self, now: float, in_flight: int) -> list[float]:
        """The moments, up to now, at which requests became due since the last question."""

    def next_at(self) -> float:
        """No later than this should the question be asked again."""


class Saturating:
    """`limit` requests in flight at every moment: one is due when another is answered."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def due(self, now: float, in_flight: int) -> list[float]:
        return [now] * (self._limit - in_flight)

    def next_at(self) -> float:
        return float("inf")


class Arrivals:
    """Requests come at a fixed mean rate, whether or not earlier ones were answered (an open loop).

    The gaps are exponential, as those of buyers who do not know of each other; the same seed gives the same gaps.
    """

    def __init__(self, rate_per_s: float, start: float, seed: int) -> None:
        self._rate_per_s = rate_per_s
        self._random = random.Random(seed)
        self._next = start

    def due(self, now: float, in_flight: int) -> list[float]:  # noqa: ARG002 - that is what makes it open
        moments: list[float] = []
        while self._next <= now:
            moments.append(self._next)
            self._next += self._random.expovariate(self._rate_per_s)
        return moments

    def next_at(self) -> float:
        return self._next
