"""The pool's promises: deadlines, bounded waiting, and errors that are already ours."""

import asyncio
import select
import time
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from lumbung_kit import context, provision
from lumbung_kit.embedded import EmbeddedSettings, Supervisor
from lumbung_kit.failures import ConcurrentChange, DeadlineExceeded, Overloaded, StoreUnavailable
from lumbung_kit.postgres import IDLE_S_MAX, Conn, Postgres, constraint_of, in_one_trip
from lumbung_kit.testing import MakeDatabase

pytestmark = pytest.mark.store

NO_VALKEY = EmbeddedSettings(postgres_url=None, valkey_url=SecretStr("redis://nowhere"))


async def notes(postgres: Postgres) -> list[str]:
    async with postgres.connection() as conn:
        rows = await conn.execute("select note from effect order by position")
        return [str(note) for (note,) in await rows.fetchall()]


async def test_a_service_works_in_its_own_schema_as_its_own_role_in_utc(postgres: Postgres) -> None:
    async with postgres.connection() as conn:
        row = await (
            await conn.execute("select current_user, current_schema, current_setting('timezone')")
        ).fetchone()
    assert row == ("lumbung_kit_test", "kit_test", "UTC")


async def test_a_transaction_commits_at_its_end_and_rolls_back_when_the_block_raises(
    postgres: Postgres,
) -> None:
    async with postgres.transaction() as conn:
        await conn.execute("insert into effect values (1, 'kept')")
    with pytest.raises(LookupError):
        async with postgres.transaction() as conn:
            await conn.execute("insert into effect values (2, 'lost')")
            raise LookupError
    assert await notes(postgres) == ["kept"]


async def test_savepoints_work_inside_a_transaction(postgres: Postgres) -> None:
    async with postgres.transaction() as conn:
        await conn.execute("insert into effect values (1, 'kept')")
        with pytest.raises(psycopg.errors.UniqueViolation) as violation:
            async with conn.transaction():
                await conn.execute("insert into effect values (1, 'again')")
    assert constraint_of(violation.value) == "effect_once"
    assert await notes(postgres) == ["kept"]


async def test_a_swallowed_error_is_not_taken_for_a_commit(postgres: Postgres) -> None:
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        async with postgres.transaction() as conn:
            await conn.execute("insert into effect values (1, 'lost')")
            with pytest.raises(psycopg.errors.CheckViolation):
                await conn.execute("insert into effect values (2, '')")
    assert await notes(postgres) == []


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_trip_fails_with_the_error_of_the_statement_that_failed(
    postgres: Postgres, place: int
) -> None:
    """Wherever it stands among others; not with PipelineAborted, which those behind it meet."""

    async def insert(conn: Conn, units: int) -> None:
        await conn.execute("INSERT INTO pg_temp.bounded VALUES (%s)", [units])

    async def work(conn: Conn) -> None:
        await conn.execute("CREATE TEMPORARY TABLE bounded (units int CONSTRAINT few CHECK (units < 5))")
        await in_one_trip(conn, *(insert(conn, 9 if index == place else 1) for index in range(3)))

    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        await postgres.run(work)
    assert constraint_of(caught.value) == "few"


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_is_good_again(
    postgres: Postgres,
) -> None:
    started = asyncio.Event()

    async def work() -> None:
        async with postgres.transaction() as conn:
            await conn.execute("insert into effect values (1, 'lost')")
            started.set()
            await conn.execute("select pg_sleep(60)")

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await notes(postgres) == []


async def test_a_statement_ends_with_the_deadline(postgres: Postgres) -> None:
    began = time.monotonic()
    with context.within(0.1), pytest.raises(DeadlineExceeded):
        async with postgres.transaction() as conn:
            await conn.execute("select pg_sleep(60)")
    assert time.monotonic() - began < 10
    async with postgres.transaction() as conn:
        row = await (await conn.execute("show statement_timeout")).fetchone()
    assert row == ("0",), "the limit of one call does not stay on the connection"


async def test_nothing_is_begun_after_the_deadline(postgres: Postgres) -> None:
    with context.within(0), pytest.raises(DeadlineExceeded):
        async with postgres.transaction():
            pytest.fail("was begun")


async def test_waiting_for_a_connection_is_bounded_in_time_and_number(
    make_database: MakeDatabase, migrations: Path
) -> None:
    url = await make_database("kit_test", migrations)
    postgres = Postgres(url, name="small", schema="kit_test", max_size=1, max_waiting=1)
    await postgres.open()
    try:
        async with postgres.connection():
            with context.within(0.05), pytest.raises(Overloaded):
                await postgres.ping()
            waiting = asyncio.create_task(postgres.ping())
            await asyncio.sleep(0)  # it is in line now
            with pytest.raises(Overloaded):
                await postgres.ping()
        await waiting
    finally:
        await postgres.close()


async def test_the_loser_of_a_deadlock_runs_again(postgres: Postgres) -> None:
    async with postgres.transaction() as conn:
        await conn.execute("insert into effect values (1, 'a'), (2, 'b')")
    both_hold_one = asyncio.Barrier(2)
    runs = 0

    async def lock(first: int, second: int) -> None:
        waited = False

        async def work(conn: Conn) -> None:
            nonlocal runs, waited
            runs += 1
            await conn.execute("update effect set note = note || '+' where position = %s", [first])
            if not waited:
                waited = True
                await both_hold_one.wait()
            await conn.execute("update effect set note = note || '+' where position = %s", [second])

        await postgres.run(work)

    await asyncio.gather(lock(1, 2), lock(2, 1))
    assert await notes(postgres) == ["a++", "b++"]
    assert runs == 3


async def test_endless_conflicts_end_as_a_concurrent_change(postgres: Postgres) -> None:
    async def conflict(conn: Conn) -> None:
        await conn.execute("do $$ begin raise exception using errcode = '40001'; end $$")

    with pytest.raises(ConcurrentChange):
        await postgres.run(conflict, attempts=3)


async def test_it_survives_the_death_of_the_server(server_folder: Path) -> None:
    async with Supervisor(server_folder, settings=NO_VALKEY) as servers:
        role = await provision.ensure_role_and_schema(servers.postgres_url, "kit_test")
        postgres = Postgres(role.url, name="test", schema="kit_test", min_size=4)
        await postgres.open()
        try:
            await postgres.ping()
            with pytest.raises(StoreUnavailable):
                async with postgres.transaction() as conn:
                    await servers.kill("postgres")
                    await conn.execute("select 1")
            with context.within(0.3), pytest.raises(StoreUnavailable):
                await postgres.ping()
            await servers.start("postgres")
            async with asyncio.timeout(60):
                await ping_until_answered(postgres)
            for _ in range(8):  # every connection of the pool is a new one
                await postgres.ping()
        finally:
            await postgres.close()


async def ping_until_answered(postgres: Postgres) -> None:
    while True:
        try:
            return await postgres.ping()
        except StoreUnavailable:
            await asyncio.sleep(0.01)


async def test_a_quick_restart_of_the_server_is_not_noticed_by_the_next_caller(server_folder: Path) -> None:
    async with Supervisor(server_folder, settings=NO_VALKEY) as servers:
        role = await provision.ensure_role_and_schema(servers.postgres_url, "kit_test")
        postgres = Postgres(role.url, name="test", schema="kit_test", min_size=4)
        await postgres.open()
        try:
            await postgres.ping()
            await servers.restart("postgres")
            await postgres.ping()
        finally:
            await postgres.close()


async def test_opening_where_nothing_listens_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lumbung_kit.postgres._OPEN_MAX_S", 0.2)
    postgres = Postgres("postgresql://nobody@127.0.0.1:1/none", name="test", schema="kit_test")
    with pytest.raises(StoreUnavailable):
        await postgres.open()


async def test_who_sleeps_in_a_transaction_loses_its_locks_and_is_told(postgres: Postgres) -> None:
    """A paused process must not keep the others waiting for as long as it sleeps."""

    async def sleep_inside(conn: Conn) -> None:
        await conn.execute("set local idle_in_transaction_session_timeout = '50ms'")
        await asyncio.to_thread(select.select, [conn.fileno()], [], [], 20)  # the server's last words
        await conn.execute("select 1")

    with pytest.raises(StoreUnavailable):
        await postgres.run(sleep_inside, attempts=1)
    async with postgres.connection() as conn:
        cursor = await conn.execute("show idle_in_transaction_session_timeout")
        assert await cursor.fetchone() == (f"{IDLE_S_MAX}s",)


async def test_who_sleeps_in_a_pipeline_loses_its_locks_too(
    make_database: MakeDatabase, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server waits for the pipeline's next statement and takes that for work: no time-out for rest ends it."""
    monkeypatch.setattr("lumbung_kit.postgres.TRANSACTION_S_MAX", 1)
    url = await make_database("kit_test", migrations)
    pool = Postgres(url, name="impatient", schema="kit_test", max_size=2)
    await pool.open()

    async def gone(pid: int) -> None:
        running = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        async with asyncio.timeout(60), pool.connection() as other:
            while await (await other.execute(running, [pid])).fetchone() != (0,):
                await asyncio.sleep(0.01)

    async def sleep_inside(conn: Conn) -> None:
        async with conn.pipeline():
            await conn.execute("select 1")
            await gone(conn.info.backend_pid)
            await conn.execute("select 1")

    with pytest.raises(StoreUnavailable):
        await pool.run(sleep_inside, attempts=1)
    await pool.close()
