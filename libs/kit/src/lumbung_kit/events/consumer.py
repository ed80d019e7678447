"""Applies another service's events to our own schema, each once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, NoReturn, Protocol, TypeVar

from google.protobuf.message import Message

from lumbung_kit import context, logs, sql, telemetry
from lumbung_kit.failures import Kind
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Conn, Postgres

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 10.0
APPLY_S_MAX = 30.0
ERROR_TEXT_MAX = 4_000

_SQL = sql.load("lumbung_kit.events", "events.sql")
_CHECKPOINT, _BEGIN_CHECKPOINT = _SQL["checkpoint"], _SQL["begin_checkpoint"]
_LOCK_CHECKPOINT, _ADVANCE_CHECKPOINT = _SQL["lock_checkpoint"], _SQL["advance_checkpoint"]
_PARK = _SQL["park"]
_NOT_THE_EVENTS_FAULT = frozenset({Kind.UNAVAILABLE, Kind.RESOURCE_EXHAUSTED})
_applied = counter("events_applied", "Events that took effect here", ["consumer"])
_parked = counter("events_parked", "Events put into event_dead_letter after repeated errors", ["consumer"])
_log = logs.get_logger(__name__)


class Positioned(Protocol):
    """What an event must have to be consumed; every service's Event message has it."""

    @property
    def position(self) -> int: ...
    @property
    def traceparent(self) -> str: ...


E = TypeVar("E", bound=Positioned)


class EventGapError(RuntimeError):
    """The source skipped a position; nothing was applied, and the subscription begins anew."""


class Consumer(Generic[E]):
    """Follows one service's events under `name`; several processes may, and take turns.

    `subscribe(position)` yields batches of the events that follow `position`, in order, without gaps,
    possibly with repetitions. `apply(conn, event)` makes the effect within the given transaction and nowhere
    else: effect and checkpoint are committed together, so each event takes effect once. `after_commit()` is
    called after each commit that applied something.

    An event whose `apply` raises `attempts` times is parked in event_dead_letter, logged and counted, and the
    next ones go on. A store or service that is away or overloaded is not the event's fault: that is waited
    for.
    """

    def __init__(
        self,
        *,
        name: str,
        postgres: Postgres,
        subscribe: Callable[[int], AsyncIterator[Sequence[E]]],
        apply: Callable[[Conn, E], Awaitable[None]],
        after_commit: Callable[[], None] | None = None,
        attempts: int = 5,
    ) -> None:
        if attempts < 1:
            raise ValueError("attempts must be at least 1")
        self._name = name
        self._postgres = postgres
        self._subscribe = subscribe
        self._apply = apply
        self._after_commit = after_commit
        self._attempts = attempts

    async def run(self) -> NoReturn:
        """Consumes for ever; reconnects after an error or the end of a stream, with delays up to 10 s."""
        failures = 0
        while True:
            try:
                async with _closing(self._subscribe(await self.position())) as batches:
                    async for batch in batches:
                        await self._take(batch)
                        failures = 0
                _log.info("event stream ended, subscribing again", consumer=self._name)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next attempt begins at the checkpoint
                _log.warning("consumer interrupted", consumer=self._name, error=repr(error))
            failures += 1
            await asyncio.sleep(_backoff_s(failures))

    async def position(self) -> int:
        """The position of the last event that took effect or was parked; 0 before the first."""
        async with self._postgres.connection() as conn:
            row = await (await conn.execute(_CHECKPOINT, {"consumer": self._name})).fetchone()
            return int(row[0]) if row else 0

    async def _take(self, events: Sequence[E]) -> None:
        """All events in one transaction, which is fast; if one of them fails, one by one."""
        try:
            await self._commit(events)
        except Exception as error:
            if len(events) == 0 or _is_waited_for(error):
                raise
            for event in events:
                await self._commit_or_park(event)

    async def _commit_or_park(self, event: E) -> None:
        error = await self._commit_repeatedly(event)
        if error is not None:
            await self._park(event, error)

    async def _commit_repeatedly(self, event: E) -> Exception | None:
        """None once it took effect, else the error of the last attempt."""
        last: Exception | None = None
        for attempt in range(1, self._attempts + 1):
            try:
                await self._commit([event])
            except Exception as error:
                if _is_waited_for(error):
                    raise
                _log.warning(
                    "event failed",
                    consumer=self._name,
                    position=event.position,
                    attempt=attempt,
                    error=repr(error),
                )
                last = error
            else:
                return None
            await asyncio.sleep(_backoff_s(attempt))
        return last

    async def _commit(self, events: Sequence[E]) -> None:
        if not events:
            return
        links = [event.traceparent for event in events]
        kind = telemetry.SpanKind.CONSUMER
        with telemetry.span(f"consume {self._name}", kind=kind, links=links), context.within(APPLY_S_MAX):
            applied = await self._postgres.run(lambda conn: self._apply_new(conn, events))
        if applied:
            _applied.labels(self._name).inc(applied)
            if self._after_commit is not None:
                self._after_commit()

    async def _apply_new(self, conn: Conn, events: Sequence[E]) -> int:
        """Applies those that follow the checkpoint, and moves it. How many."""
        start = position = await self._lock_checkpoint(conn)
        for event in events:
            if event.position > position:
                _require_next(event.position, position)
                await self._apply(conn, event)
                position = event.position
        if position > start:
            await conn.execute(_ADVANCE_CHECKPOINT, {"consumer": self._name, "position": position})
        return position - start

    async def _park(self, event: E, error: Exception) -> None:
        """Puts the event aside in the same way as an effect: once, and with the checkpoint."""
        parked = await self._postgres.run(lambda conn: self._park_new(conn, event, error))
        if parked:
            _parked.labels(self._name).inc()
            _log.error("event parked", consumer=self._name, position=event.position, exc_info=error)

    async def _park_new(self, conn: Conn, event: E, error: Exception) -> bool:
        position = await self._lock_checkpoint(conn)
        if event.position <= position:
            return False
        _require_next(event.position, position)
        row = {
            "consumer": self._name,
            "position": event.position,
            "event": _content(event),
            "traceparent": event.traceparent,
            "attempts": self._attempts,
            "error": _text(error),
        }
        await conn.execute(_PARK, row)
        await conn.execute(_ADVANCE_CHECKPOINT, row)
        return True

    async def _lock_checkpoint(self, conn: Conn) -> int:
        row = await (await conn.execute(_LOCK_CHECKPOINT, {"consumer": self._name})).fetchone()
        if row is None:
            await conn.execute(_BEGIN_CHECKPOINT, {"consumer": self._name})
            return await self._lock_checkpoint(conn)
        return int(row[0])


@asynccontextmanager
async def _closing(batches: AsyncIterator[Sequence[E]]) -> AsyncIterator[AsyncIterator[Sequence[E]]]:
    """Ends a generator's work at once when we stop reading, instead of when it is collected."""
    try:
        yield batches
    finally:
        close = getattr(batches, "aclose", None)
        if close is not None:
            await close()


def _require_next(position: int, checkpoint: int) -> None:
    if position != checkpoint + 1:
        raise EventGapError(f"position {position} came after {checkpoint}")


def _is_waited_for(error: Exception) -> bool:
    """Whether trying later is all there is to do: nothing is wrong with the event itself."""
    kind = getattr(error, "kind", None)  # of a Failure, ours or another service's
    return isinstance(error, EventGapError) or kind in _NOT_THE_EVENTS_FAULT


def _backoff_s(failures: int) -> float:
    return min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 20)) * random.uniform(0.5, 1)


def _content(event: Positioned) -> bytes:
    return event.SerializeToString() if isinstance(event, Message) else repr(event).encode()


def _text(error: Exception) -> str:
    """PostgreSQL's text has no place for NUL."""
    return f"{type(error).__qualname__}: {error}".replace("\0", "\\0")[:ERROR_TEXT_MAX]
