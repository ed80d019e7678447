"""The log of one service's events: appended with the change, published with gap-free positions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from lumbung_kit import arrays, sql, telemetry
from lumbung_kit.ids import new_id
from lumbung_kit.loops import Wakeup
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Conn, Postgres

PUBLISH_BATCH_MAX = 1_000
READ_LIMIT_MAX = 5_000
KIND_SPAN_MAX = 50_000
PUBLISH_INTERVAL_S = 0.05
PUBLISH_PAUSE_S = 0.02
"""Between two batches that are not full: what is committed meanwhile is published together, in one transaction."""
POLL_INTERVAL_S = 0.1
HEARTBEAT_S = 5.0

_SQL = sql.load("lumbung_kit.events", "events.sql")
_APPEND, _LOOK, _TAKE_TURN, _PUBLISH = (_SQL[name] for name in ("append", "look", "take_turn", "publish"))
_READ, _READ_KIND, _HEAD = _SQL["read"], _SQL["read_kind"], _SQL["head"]
_published = counter("events_published", "Events given a position in the log", ["schema"])


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What happened. `subject` names what it happened to, for people who search the log."""

    kind: str
    payload: bytes
    subject: str
    traceparent: str | None = None
    """The span that it belongs to; None takes the current one. A batch names each caller's own."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the log. `record_time` is when its transaction began."""

    position: int
    event_id: UUID
    record_time: datetime
    kind: str
    payload: bytes
    subject: str
    traceparent: str


async def append(conn: Conn, events: Sequence[NewEvent]) -> None:
    """Writes events in the caller's transaction, in one statement: they happen if and only if it commits."""
    if not events:
        return
    current = telemetry.current_traceparent()
    await conn.execute(
        _APPEND,
        {
            "event_ids": arrays.plain([new_id() for _ in events]),
            "kinds": arrays.texts([event.kind for event in events]),
            "subjects": arrays.texts([event.subject for event in events]),
            "payloads": arrays.blobs([event.payload for event in events]),
            "traceparents": arrays.texts(
                [current if event.traceparent is None else event.traceparent for event in events]
            ),
        },
    )


class EventLog:
    """The log of one service's schema: its publisher, and reading."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._poked = Wakeup()
        self._head = 0
        self._news = asyncio.Event()
        self._publishing = False

    def poke(self) -> None:
        """Publishes at once. Call it after the commit of a transaction that appended events."""
        self._poked.ring()

    async def run_publisher(self) -> NoReturn:
        """Moves committed events into the log, for ever: when poked, 20 ms after the last time or later, and every
        50 ms.

        Any number of processes may do so; they take turns. Raises StoreUnavailable and the like, after which
        it may simply be run again.
        """
        self._publishing = True
        try:
            while True:
                moved = await self.publish()
                if moved < PUBLISH_BATCH_MAX:
                    await asyncio.sleep(PUBLISH_PAUSE_S)
                    await self._poked.wait(PUBLISH_INTERVAL_S)
        finally:
            self._publishing = False

    async def publish(self) -> int:
        """Moves one batch of at most 1,000 committed events into the log; how many. 0 when another has the
        turn.
        """
        async with self._postgres.connection() as conn:
            row = await (await conn.execute(_LOOK)).fetchone()
        waiting, head = row or (False, 0)
        moved = 0
        if waiting:
            async with self._postgres.transaction() as conn:
                if await (await conn.execute(_TAKE_TURN)).fetchone() is not None:
                    row = await (await conn.execute(_PUBLISH, {"batch": PUBLISH_BATCH_MAX})).fetchone()
                    moved, head = row or (0, head)
        self._note_head(head)
        _published.labels(self._postgres.schema).inc(moved)
        return moved

    async def read(self, after: int, limit: int = 500) -> list[StoredEvent]:
        """The events that follow position `after`, in order: at most `limit`, at most 5,000."""
        async with self._postgres.connection() as conn:
            rows = await conn.execute(
                _READ, {"after": after, "limit": min(limit, READ_LIMIT_MAX)}, binary=True
            )
            return [StoredEvent(*row) for row in await rows.fetchall()]

    async def read_kind(self, kind: str, after: int, through: int) -> list[tuple[int, bytes]]:
        """(position, payload) of one kind's events from behind `after` to `through`, at most 50,000 positions."""
        if through - after > KIND_SPAN_MAX:
            raise ValueError(f"{through - after} positions are more than {KIND_SPAN_MAX}")
        async with self._postgres.connection() as conn:
            span = {"kind": kind, "after": after, "through": through}
            rows = await conn.execute(_READ_KIND, span, binary=True)
            return [(position, payload) for position, payload in await rows.fetchall()]

    async def head(self) -> int:
        """The position of the newest event; 0 when there is none."""
        async with self._postgres.connection() as conn:
            row = await (await conn.execute(_HEAD)).fetchone()
            return int(row[0]) if row else 0

    async def stream(self, after: int, batch: int = 500) -> AsyncGenerator[list[StoredEvent], None]:
        """Everything that follows position `after`, for ever, in batches; an empty batch after 5 s without
        news.
        """
        while True:
            news = self._news
            events = await self.read(after, batch)
            if events:
                after = events[-1].position
            elif await self._wait_for_news(news, after):
                continue
            yield events

    async def head_beyond(self, after: int) -> int:
        """The newest position, once it is beyond `after`; the same as `after` when nothing came for 5 s."""
        return self._head if await self._wait_for_news(self._news, after) else after

    async def _wait_for_news(self, news: asyncio.Event, after: int) -> bool:
        """Whether there is an event after `after`; False when none came for 5 s.

        The publisher of this process rings for its own events and for those that others publish. Where none
        runs here, looks ten times a second.
        """
        quiet_until = time.monotonic() + HEARTBEAT_S
        while (remaining_s := quiet_until - time.monotonic()) > 0:
            if self._head > after:
                return True
            try:
                async with asyncio.timeout(min(remaining_s, POLL_INTERVAL_S)):
                    await news.wait()
            except TimeoutError:
                if not self._publishing:
                    self._note_head(await self.head())
            news = self._news
        return False

    def _note_head(self, head: int) -> None:
        if head > self._head:
            self._head = head
            news, self._news = self._news, asyncio.Event()
            news.set()
