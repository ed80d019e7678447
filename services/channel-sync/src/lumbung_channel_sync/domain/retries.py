"""When to try again: exponential, bounded, jittered, and never before the time that the other side named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from `first_s` up to `longest_s`; jitter takes away up to half."""

    first_s: float
    longest_s: float

    def delay_s(self, attempts: int, *, jitter: float, asked_s: float | None = None) -> float:
        """How long to wait after `attempts` failures in a row (at least 1). `jitter` is from 0 to 1.

        `asked_s` is what the other side asked for (Retry-After): never earlier than that, and up to a tenth
        later, so that those who were refused together do not come back together.
        """
        if asked_s is not None:
            return asked_s * (1 + 0.1 * jitter)
        doubled = min(self.longest_s, self.first_s * 2.0 ** min(attempts - 1, 32))
        return doubled * (1 - 0.5 * jitter)


ROW_BACKOFF = Backoff(first_s=1.0, longest_s=300.0)
"""For one listing that the platform could not set."""
CHANNEL_BACKOFF = Backoff(first_s=0.5, longest_s=60.0)
"""For a platform that cannot be called at all."""
KEY_BACKOFF = Backoff(first_s=30.0, longest_s=600.0)
"""For a platform that refuses our key: a person has to act, and hammering gets keys blocked."""
ORDER_BACKOFF = Backoff(first_s=0.2, longest_s=30.0)
"""For an order that stock could not answer."""
ANSWER_BACKOFF = Backoff(first_s=0.5, longest_s=300.0)
"""For an answer that the platform did not take."""
