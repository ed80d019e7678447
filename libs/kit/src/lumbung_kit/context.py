"""Who acts and how much time is left, for the code that runs on behalf of one call.

The server's frame sets both at the start of a call; loops and tests use `acting_as` and `within`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

ANONYMOUS: Final = "anonymous"
ACTOR_KEY: Final = "lumbung-actor"
"""The metadata key in which an actor travels between services."""
CALLER_KEY: Final = "lumbung-caller"
"""The metadata key in which a service says that it is itself who calls, on behalf of the actor."""

_actor: ContextVar[str] = ContextVar("lumbung_actor", default=ANONYMOUS)
_deadline: ContextVar[float] = ContextVar("lumbung_deadline", default=math.inf)


def actor() -> str:
    """Who asked for the change, such as `staff:ani`; `anonymous` when nobody said."""
    return _actor.get()


def deadline_remaining_s() -> float:
    """Seconds until the current call must be answered: 0 when late, infinite when it has no deadline."""
    return max(0.0, _deadline.get() - time.monotonic())


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Everything inside acts as `name`."""
    token = _actor.set(name)
    try:
        yield
    finally:
        _actor.reset(token)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Everything inside has at most `seconds`, or what is left of the deadline around it if that is less.

    It bounds what reads the deadline (database statements, outgoing calls); it interrupts nothing by itself.
    """
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def begin_call(actor_name: str, seconds: float) -> None:
    """Sets both for the rest of the current task, which the server has made for this one call."""
    _actor.set(actor_name)
    _deadline.set(time.monotonic() + seconds)
