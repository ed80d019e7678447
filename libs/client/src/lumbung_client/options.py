"""What a client can be told, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How long a client waits, how often it asks again, and how it keeps its connections."""

    timeout_s: float = 5.0
    """Deadline of a call, all its repeats included, where the call names none. Watching has none."""
    retries_max: int = 100
    """The retry budget: each repeat takes 1 from it, each success gives `retry_refill` back, up to this much. When a
    service is down for long, its clients then ask little more often than they would if it were up."""
    retry_refill: float = 0.1
    """What a success gives back to the budget."""
    backoff_s_min: float = 0.05
    """Pause before the first repeat, when the server names none; doubles each time."""
    backoff_s_max: float = 2.0
    """Longest pause before a repeat, when the server names none."""
    keepalive_s: float = 30.0
    """A connection with calls that has been silent for so long is asked whether it is alive; servers take a
    question each 10 s."""
    keepalive_timeout_s: float = 10.0
    """A connection that does not answer that in time is dead, and its calls end as UNAVAILABLE."""
    reconnect_s_max: float = 2.0
    """Longest pause between attempts to connect."""
    received_bytes_max: int = 4 * 1024 * 1024
    """Largest answer."""
