"""What clients asked and what they were told: the only account of a run that the checker believes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

UNKNOWN = ""
"""No answer came, or one that says nothing about what became of the request."""


class Verb(StrEnum):
    """What was asked for."""

    RESERVE = "reserve"
    CONFIRM = "confirm"
    RELEASE = "release"


@dataclass(slots=True)
class Attempt:
    """One call. A request that is repeated has several attempts under one request_id."""

    verb: Verb
    request_id: str
    sent_s: float
    """By the clients' one clock, since the epoch."""
    units: int = 1
    reservation_id: str = ""
    """Of a Reserve: what it was given; of the others: what they are about."""
    told: str = UNKNOWN
    """The state that the reservation has, or the reason of a refusal."""
    answered_s: float = 0.0
    deadline_s: float = 0.0
    """Until when a hold was promised."""
    soft: bool = False
    """A hold that may be lost with Valkey until it is confirmed: nobody was promised more."""


@dataclass(slots=True)
class History:
    """Every attempt of every client, in the order of sending."""

    attempts: list[Attempt] = field(default_factory=list)
    listeners: list[Callable[[Attempt], None]] = field(default_factory=list)
    """Told of each answer that decides a request."""

    def sent(self, attempt: Attempt) -> Attempt:
        """Writes down that a call leaves."""
        self.attempts.append(attempt)
        return attempt

    def answered(self, attempt: Attempt) -> None:
        """Tells the listeners of an answer that is in the attempt now."""
        for listener in self.listeners:
            listener(attempt)

    def told(self, verb: Verb, said: str) -> list[Attempt]:
        """Attempts of a kind that got this answer."""
        return [attempt for attempt in self.attempts if (attempt.verb, attempt.told) == (verb, said)]
