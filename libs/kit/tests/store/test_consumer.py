"""Each event takes effect once, and none holds up the others for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from lumbung_kit import telemetry
from lumbung_kit.events import Consumer
from lumbung_kit.events import consumer as consumer_module
from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.settings import ServiceSettings

pytestmark = pytest.mark.store


@dataclass(frozen=True)
class Event:
    position: int
    note: str = "fine"
    traceparent: str = ""


@dataclass
class Source:
    """Serves batches as given, whatever position is asked for; then stays open without news."""

    batches: Sequence[Sequence[Event]]
    asked: list[int] = field(default_factory=list)
    asked_thrice: asyncio.Event = field(default_factory=asyncio.Event)

    async def subscribe(self, after: int) -> AsyncIterator[Sequence[Event]]:
        self.asked.append(after)
        if len(self.asked) == 3:
            self.asked_thrice.set()
        for batch in self.batches:
            yield batch
        await asyncio.Event().wait()


async def insert(conn: Conn, event: Event) -> None:
    await conn.execute("insert into effect values (%s, %s)", [event.position, event.note])


async def effects(postgres: Postgres) -> list[tuple[int, str]]:
    async with postgres.connection() as conn:
        rows = await conn.execute("select position, note from effect order by position")
        return [(int(position), str(note)) for position, note in await rows.fetchall()]


async def dead_letters(postgres: Postgres) -> list[tuple[str, int, str]]:
    async with postgres.connection() as conn:
        rows = await conn.execute("select consumer, position, error from event_dead_letter order by position")
        return [(str(name), int(position), str(error)) for name, position, error in await rows.fetchall()]


def consumer_of(
    postgres: Postgres,
    source: Source,
    apply: Callable[[Conn, Event], Awaitable[None]] = insert,
    after_commit: Callable[[], None] | None = None,
) -> Consumer[Event]:
    return Consumer(
        name="test",
        postgres=postgres,
        subscribe=source.subscribe,
        apply=apply,
        after_commit=after_commit,
        attempts=3,
    )


async def run_until(consumer: Consumer[Event], position: int, *, runners: int = 1) -> None:
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        running = [group.create_task(consumer.run()) for _ in range(runners)]
        while await consumer.position() < position:
            await asyncio.sleep(0.005)
        for task in running:
            task.cancel()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer_module, "BACKOFF_FIRST_S", 0.001)


async def test_events_are_applied_in_order_and_the_checkpoint_follows(postgres: Postgres) -> None:
    source = Source([[Event(1), Event(2)], [], [Event(3)]])
    commits: list[None] = []
    consumer = consumer_of(postgres, source, after_commit=lambda: commits.append(None))
    assert await consumer.position() == 0

    await run_until(consumer, 3)

    assert [position for position, _ in await effects(postgres)] == [1, 2, 3]
    assert source.asked == [0]
    assert len(commits) == 2


async def test_it_resumes_after_the_checkpoint(postgres: Postgres) -> None:
    await run_until(consumer_of(postgres, Source([[Event(1), Event(2)]])), 2)
    source = Source([[Event(3)]])
    await run_until(consumer_of(postgres, source), 3)
    assert source.asked == [2]


async def test_repeated_events_take_effect_once(postgres: Postgres) -> None:
    batches = [[Event(1)], [Event(1), Event(2)], [Event(1), Event(2), Event(3)], [Event(2)], [Event(4)]]
    await run_until(consumer_of(postgres, Source(batches)), 4)
    assert [position for position, _ in await effects(postgres)] == [1, 2, 3, 4]


async def test_several_processes_share_the_work_without_doing_it_twice(postgres: Postgres) -> None:
    batches = [[Event(n), Event(n + 1)] for n in range(1, 41, 2)]
    await run_until(consumer_of(postgres, Source(batches)), 40, runners=4)
    assert [position for position, _ in await effects(postgres)] == list(range(1, 41))
    assert await dead_letters(postgres) == []


async def test_a_poison_event_is_parked_and_the_rest_takes_effect(postgres: Postgres) -> None:
    attempts: list[int] = []

    async def apply(conn: Conn, event: Event) -> None:
        if event.position == 2:
            attempts.append(event.position)
        await insert(conn, event)

    poison = Event(2, note="")  # refused by the constraint effect_note_not_empty
    await run_until(consumer_of(postgres, Source([[Event(1), poison, Event(3)]]), apply), 3)

    assert [position for position, _ in await effects(postgres)] == [1, 3]
    ((name, position, error),) = await dead_letters(postgres)
    assert (name, position) == ("test", 2)
    assert "effect_note_not_empty" in error
    assert len(attempts) == 1 + 3, "once in the batch, then as often as attempts says"


async def test_a_store_that_is_away_is_waited_for_and_parks_nothing(postgres: Postgres) -> None:
    tries = 0

    async def apply(conn: Conn, event: Event) -> None:
        nonlocal tries
        tries += 1
        if tries < 10:
            raise StoreUnavailable
        await insert(conn, event)

    await run_until(consumer_of(postgres, Source([[Event(1)]]), apply), 1)
    assert [position for position, _ in await effects(postgres)] == [1]
    assert await dead_letters(postgres) == []


async def test_nothing_is_applied_after_a_gap(postgres: Postgres) -> None:
    source = Source([[Event(1), Event(3)]])

    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        running = group.create_task(consumer_of(postgres, source).run())
        await source.asked_thrice.wait()
        running.cancel()
    assert await effects(postgres) == []
    assert await dead_letters(postgres) == []


async def test_a_stream_that_breaks_is_opened_again_from_the_checkpoint(postgres: Postgres) -> None:
    asked: list[int] = []

    async def subscribe(after: int) -> AsyncIterator[Sequence[Event]]:
        asked.append(after)
        yield [Event(after + 1)]
        raise ConnectionResetError

    consumer = Consumer(name="test", postgres=postgres, subscribe=subscribe, apply=insert)
    await run_until(consumer, 3)
    assert asked[:3] == [0, 1, 2]


async def test_the_span_of_an_effect_links_the_trace_that_caused_it(postgres: Postgres) -> None:
    exporter = InMemorySpanExporter()
    telemetry.setup("test", ServiceSettings(postgres_url=SecretStr("unused")), exporter=exporter)
    try:
        caused_by = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
        await run_until(consumer_of(postgres, Source([[Event(1, traceparent=caused_by), Event(2)]])), 2)
    finally:
        telemetry.shutdown()
    (span,) = exporter.get_finished_spans()
    assert span.kind is telemetry.SpanKind.CONSUMER
    assert [link.context.trace_id for link in span.links] == [int("1" * 32, 16)]


async def test_an_effect_that_is_cancelled_is_not_half_done(postgres: Postgres) -> None:
    reached = asyncio.Event()

    async def apply(conn: Conn, event: Event) -> None:
        await insert(conn, event)
        reached.set()
        await asyncio.Event().wait()

    consumer = consumer_of(postgres, Source([[Event(1)]]), apply)
    running = asyncio.create_task(consumer.run())
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await effects(postgres) == []
    assert await consumer.position() == 0
