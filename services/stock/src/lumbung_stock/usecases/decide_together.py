"""Decide together: many callers in one transaction, where one that cannot be written never fails another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from psycopg import DataError, IntegrityError

from lumbung_kit.failures import ConcurrentChange, Failure
from lumbung_kit.logs import get_logger
from lumbung_kit.postgres import Conn, Postgres

T = TypeVar("T")
R = TypeVar("R")

OVERTAKEN_ATTEMPTS_MAX = 4

_LOG = get_logger(__name__)


async def run_again_when_overtaken(postgres: Postgres, work: Callable[[Conn], Awaitable[R]]) -> R:
    """Runs `work` in a transaction, and anew when it met a request that another transaction has just written.

    Raises ConcurrentChange after a few attempts.
    """
    for _ in range(OVERTAKEN_ATTEMPTS_MAX - 1):
        try:
            return await postgres.run(work)
        except ConcurrentChange:
            continue
    return await postgres.run(work)


async def together_or_alone(
    items: Sequence[T], decide: Callable[[Sequence[T]], Awaitable[Sequence[R]]]
) -> list[R | BaseException]:
    """One answer per item, in order: of one transaction for all, or of smaller ones when the database refuses that.

    A bound of the table that bites (or a value that fits no column) hits the item that broke it, alone: the others
    are found by halving.
    """
    try:
        return list(await decide(items))
    except (IntegrityError, DataError) as error:
        if len(items) == 1:
            return [error]
        _LOG.warning("refused together, decided in halves", items=len(items), trouble=repr(error))
    middle = len(items) // 2
    return [*await _half(items[:middle], decide), *await _half(items[middle:], decide)]


async def _half(
    items: Sequence[T], decide: Callable[[Sequence[T]], Awaitable[Sequence[R]]]
) -> list[R | BaseException]:
    """What fails one half must not take the answers of the other."""
    try:
        return await together_or_alone(items, decide)
    except Failure as failure:
        return [failure] * len(items)
