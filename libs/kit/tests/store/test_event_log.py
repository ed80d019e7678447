"""The log's promise: positions 1, 2, 3, ... of exactly the committed events, whatever happens meanwhile."""

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC

import psycopg
import pytest

from lumbung_kit import telemetry
from lumbung_kit.events import EventLog, NewEvent, StoredEvent, append
from lumbung_kit.events import log as event_log
from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.postgres import Postgres
from lumbung_kit.testing import Server

pytestmark = pytest.mark.store

WRITERS = 12
CHANGES_PER_WRITER = 25
PUBLISHERS = 3
KILLS = 15


def event(subject: str) -> NewEvent:
    return NewEvent(kind="Tested", payload=subject.encode(), subject=subject)


async def write(postgres: Postgres, *subjects: str) -> None:
    async with postgres.transaction() as conn:
        await append(conn, [event(subject) for subject in subjects])


async def follow(log: EventLog, until: Callable[[list[StoredEvent]], bool]) -> list[StoredEvent]:
    """What a subscriber sees from the beginning until the condition holds."""
    seen: list[StoredEvent] = []
    async with aclosing(log.stream(0)) as batches:
        async for batch in batches:
            seen += batch
            if until(seen):
                return seen
    raise AssertionError("a stream never ends")


async def test_events_of_a_transaction_come_in_their_order_with_positions_from_one(
    postgres: Postgres,
) -> None:
    log = EventLog(postgres)
    await write(postgres, "a", "b")
    await write(postgres, "c")

    assert await log.publish() == 3

    events = await log.read(0)
    assert [(e.position, e.subject, e.payload, e.kind) for e in events] == [
        (1, "a", b"a", "Tested"),
        (2, "b", b"b", "Tested"),
        (3, "c", b"c", "Tested"),
    ]
    assert len({e.event_id for e in events}) == 3
    assert all(e.record_time.tzinfo is not None and e.record_time.astimezone(UTC) for e in events)
    assert await log.head() == 3
    assert await log.publish() == 0


async def test_reads_go_on_after_a_position_and_are_limited(postgres: Postgres) -> None:
    log = EventLog(postgres)
    await write(postgres, *"abcde")
    await log.publish()

    assert [e.subject for e in await log.read(2, limit=2)] == ["c", "d"]
    assert await log.read(5) == []


async def test_a_rolled_back_change_leaves_no_event(postgres: Postgres) -> None:
    with pytest.raises(LookupError):
        async with postgres.transaction() as conn:
            await append(conn, [event("never")])
            raise LookupError
    await write(postgres, "kept")

    log = EventLog(postgres)
    await log.publish()
    assert [(e.position, e.subject) for e in await log.read(0)] == [(1, "kept")]


async def test_an_event_whose_transaction_is_late_gets_a_later_position(postgres: Postgres) -> None:
    log = EventLog(postgres)
    async with postgres.transaction() as late:
        await append(late, [event("late")])
        await write(postgres, "early")
        await log.publish()
        assert [(e.position, e.subject) for e in await log.read(0)] == [(1, "early")]
    await log.publish()
    assert [(e.position, e.subject) for e in await log.read(1)] == [(2, "late")]


async def test_an_event_keeps_the_span_it_was_given(postgres: Postgres) -> None:
    traceparent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    async with postgres.transaction() as conn:
        given = NewEvent(kind="Tested", payload=b"", subject="given", traceparent=traceparent)
        await append(conn, [given, event("current")])
    log = EventLog(postgres)
    await log.publish()
    assert [e.traceparent for e in await log.read(0)] == [traceparent, telemetry.current_traceparent()]


async def test_a_poke_publishes_at_once_and_wakes_a_stream(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "PUBLISH_INTERVAL_S", 60)
    log = EventLog(postgres)
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        publisher = group.create_task(log.run_publisher())
        seen = group.create_task(follow(log, lambda events: len(events) == 2))
        await write(postgres, "a", "b")
        log.poke()
        assert [e.subject for e in await seen] == ["a", "b"]
        publisher.cancel()


async def test_a_stream_sees_what_another_process_publishes(postgres: Postgres) -> None:
    here, elsewhere = EventLog(postgres), EventLog(postgres)
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        seen = group.create_task(follow(here, lambda events: len(events) == 1))
        await write(postgres, "a")
        await elsewhere.publish()
        assert [e.subject for e in await seen] == ["a"]


async def test_a_quiet_stream_yields_an_empty_batch(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "HEARTBEAT_S", 0.05)
    async with aclosing(EventLog(postgres).stream(0)) as batches, asyncio.timeout(60):
        assert await anext(batches) == []


async def test_nobody_can_change_or_remove_what_is_in_the_log(postgres: Postgres) -> None:
    await write(postgres, "a")
    await EventLog(postgres).publish()
    for statement in ("update event_log set subject = 'b'", "delete from event_log", "truncate event_log"):
        async with postgres.connection() as conn:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(statement)


class Writer:
    """Commits or rolls back changes of some events each, with pauses; knows which were committed."""

    def __init__(self, postgres: Postgres, name: str, draw: random.Random) -> None:
        self._postgres = postgres
        self._name = name
        self._draw = draw
        self.committed: list[list[str]] = []
        self.unknown: list[list[str]] = []

    async def run(self) -> None:
        for change in range(CHANGES_PER_WRITER):
            subjects = [f"{self._name}.{change}.{n}" for n in range(self._draw.randint(1, 4))]
            try:
                await self._write(subjects)
            except LookupError:
                pass
            except StoreUnavailable:
                self.unknown.append(subjects)
            else:
                self.committed.append(subjects)

    async def _write(self, subjects: list[str]) -> None:
        async with self._postgres.transaction() as conn:
            await append(conn, [event(subject) for subject in subjects])
            await asyncio.sleep(self._draw.uniform(0, 0.02))
            if self._draw.random() < 0.2:
                raise LookupError


async def publish_in_spite_of_kills(log: EventLog) -> None:
    while True:
        try:
            await log.run_publisher()
        except StoreUnavailable:
            continue


async def kill_connections(admin_url: str, database: str, draw: random.Random) -> None:
    """Ends a few of the service's connections, in whatever they are doing, again and again."""
    victims = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and random() < 0.3"
    async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as conn:
        for _ in range(KILLS):
            await asyncio.sleep(draw.uniform(0.01, 0.05))
            await conn.execute(victims, [database])


async def test_readers_see_exactly_the_committed_events_without_gaps_whatever_dies(
    postgres: Postgres, postgres_server: Server, seed: int
) -> None:
    draw = random.Random(seed)
    writers = [Writer(postgres, f"w{n}", random.Random(draw.random())) for n in range(WRITERS)]
    logs = [EventLog(postgres) for _ in range(PUBLISHERS)]
    async with postgres.connection() as conn:
        database = conn.info.dbname
    async with asyncio.TaskGroup() as group:
        publishers = [group.create_task(publish_in_spite_of_kills(log)) for log in logs]
        watcher = group.create_task(watch_for_gaps(logs[0], postgres_server.url, database))
        killer = group.create_task(kill_connections(postgres_server.url, database, draw))
        await asyncio.gather(*(writer.run() for writer in writers))
        await killer
        async with postgres.transaction() as conn:
            await append(conn, [event("last")])
        seen = await follow(logs[1], lambda events: any(e.subject == "last" for e in events))
        for task in (*publishers, watcher):
            task.cancel()
    check(seen, writers)


async def watch_for_gaps(log: EventLog, admin_url: str, database: str) -> None:
    """At every instant, what can be read is 1..N."""
    while True:
        try:
            events = await log.read(0, 5_000)
        except StoreUnavailable:
            continue
        assert [e.position for e in events] == list(range(1, len(events) + 1))
        await asyncio.sleep(0.005)


def check(seen: list[StoredEvent], writers: list[Writer]) -> None:
    assert [e.position for e in seen] == list(range(1, len(seen) + 1))
    subjects = [e.subject for e in seen]
    assert len(set(subjects)) == len(subjects), "an event was published twice"
    committed = [change for writer in writers for change in writer.committed]
    unknown = [change for writer in writers for change in writer.unknown]
    for change in committed:
        places = [subjects.index(subject) for subject in change]
        assert places == sorted(places), "a change's events are not in their order"
    for change in unknown:
        assert set(change) <= set(subjects) or not set(change) & set(subjects), (
            "a change was published in part"
        )
    possible = {subject for change in (*committed, *unknown) for subject in change} | {"last"}
    assert set(subjects) <= possible, "a rolled back change was published"


async def test_events_of_one_kind_within_a_span_of_positions(postgres: Postgres) -> None:
    log = EventLog(postgres)
    async with postgres.transaction() as conn:
        await append(conn, [NewEvent(kind, kind.encode(), "x") for kind in ("a", "b", "a", "a", "b")])
    await log.publish()
    assert await log.read_kind("a", 0, 5) == [(1, b"a"), (3, b"a"), (4, b"a")]
    assert await log.read_kind("a", 1, 3) == [(3, b"a")]
    assert await log.read_kind("b", 2, 4) == []
    with pytest.raises(ValueError, match="more than"):
        await log.read_kind("a", 0, 50_001)


async def test_the_newest_position_is_waited_for(postgres: Postgres) -> None:
    log = EventLog(postgres)
    waiting = asyncio.create_task(log.head_beyond(0))
    async with postgres.transaction() as conn:
        await append(conn, [NewEvent("a", b"", "x")] * 3)
    await log.publish()
    assert await waiting == 3
    assert await log.head_beyond(2) == 3
