"""What tests rely on: databases and servers of their own, empty each time, and a seed that is shown."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from lumbung_kit import provision
from lumbung_kit.testing import MakePostgres, Server
from lumbung_kit.testing_databases import Copy, Templates
from lumbung_kit.valkey import connect

SHOP = """-- migrate:up

create table shelf (shelf_id int primary key, note text constraint shelf_note_not_empty check (note <> ''));
create table sale (sale_id int primary key, shelf_id int not null references shelf);
create sequence ticket;
create sequence seat start 5;
insert into shelf values (1, 'first'), (5, 'fifth');
insert into sale values (1, 1);
select nextval('ticket');
create function refuse() returns trigger language plpgsql as $$ begin raise 'it stays'; end $$;
create trigger sale_stays before delete on sale for each row execute function refuse();
grant usage on schema kit_test to lumbung_kit_test;

-- migrate:down
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrations with seeds, a row that nobody may delete, and sequences of which one was asked."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "20260101000001_shop.sql").write_text(SHOP)
    return folder


@pytest.fixture(scope="module")
def templates(postgres_server: Server) -> Iterator[Templates]:
    """Templates of these tests' own."""
    templates = Templates(postgres_server.url)
    yield templates
    templates.drop_all()


@asynccontextmanager
async def opened(templates: Templates, copy: Copy) -> AsyncIterator[psycopg.AsyncConnection]:
    """A superuser's session on it."""
    url = provision.url_to(templates.admin_url, database=copy.database)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await conn.execute("set search_path to kit_test")
        yield conn


async def contents(conn: psycopg.AsyncConnection) -> list[object]:
    """All rows, and what the sequences are to give next."""
    asked = (
        "select * from shelf order by 1",
        "select * from sale",
        "select * from ticket",
        "select * from seat",
    )
    found = [await (await conn.execute(statement.encode())).fetchall() for statement in asked]
    # How many numbers are logged ahead is nobody's business.
    return [*found[:2], *((rows[0][0], rows[0][2]) for rows in found[2:])]


async def oid(conn: psycopg.AsyncConnection) -> object:
    """What stays the same when a database is renamed."""
    return await (
        await conn.execute("select oid from pg_database where datname = current_database()")
    ).fetchone()


@pytest.mark.store
async def test_every_database_is_a_new_one(make_postgres: MakePostgres, migrations: Path) -> None:
    one, other = [await make_postgres("kit_test", migrations) for _ in range(2)]
    async with one.connection() as conn:
        await conn.execute("insert into effect values (1, 'here')")
    async with other.connection() as conn:
        assert await (await conn.execute("select count(*) from effect")).fetchone() == (0,)


@pytest.mark.store
class TestDatabasesUsedAgain:
    """What a test did to its database is gone before the next has it."""

    async def test_rows_seeds_and_sequences_are_as_before(self, templates: Templates, shop: Path) -> None:
        first = await templates.copy("kit_test", shop)
        async with opened(templates, first) as conn:
            before, number = await contents(conn), await oid(conn)
            await conn.execute("insert into sale select g, 1 from generate_series(2, 9) g")
            await conn.execute("update shelf set note = 'moved' where shelf_id = 1")
            await conn.execute("insert into shelf select g, repeat('x', 999) from generate_series(10, 500) g")
            await conn.execute("select nextval('ticket'), nextval('seat')")
            assert await contents(conn) != before
        await templates.give_back(first.database)
        second = await templates.copy("kit_test", shop)
        async with opened(templates, second) as conn:
            assert await oid(conn) == number, "the same database"
            assert await contents(conn) == before
            with pytest.raises(psycopg.errors.RaiseException):
                await conn.execute("delete from sale")

    async def test_seeds_that_were_deleted_are_there_again(self, templates: Templates, shop: Path) -> None:
        first = await templates.copy("kit_test", shop)
        async with opened(templates, first) as conn:
            before = await contents(conn)
            await conn.execute("truncate shelf cascade")
        await templates.give_back(first.database)
        async with opened(templates, await templates.copy("kit_test", shop)) as conn:
            assert await contents(conn) == before

    async def test_a_session_that_stayed_finds_nothing_where_it_was(
        self, templates: Templates, shop: Path
    ) -> None:
        first = await templates.copy("kit_test", shop)
        async with opened(templates, first) as left_over:
            await left_over.execute("begin")
            await left_over.execute("insert into sale values (5, 5)")
            await templates.give_back(first.database)
            with pytest.raises(psycopg.OperationalError):
                await left_over.execute("commit")
        second = await templates.copy("kit_test", shop)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            await psycopg.AsyncConnection.connect(first.url)
        async with opened(templates, second) as conn:
            assert await (await conn.execute("select count(*) from sale")).fetchone() == (1,)

    @pytest.mark.parametrize(
        "change",
        [
            "alter table sale disable trigger sale_stays",
            "alter table sale add column note text",
            "alter table shelf drop constraint shelf_note_not_empty",
            "create index on shelf (note)",
            "grant delete on sale to lumbung_kit_test",
            "revoke usage on schema kit_test from lumbung_kit_test",
            "create or replace function refuse() returns trigger language plpgsql as 'begin return null; end'",
            "drop table shelf cascade",
            "insert into shelf select g, repeat('x', 999) from generate_series(10, 9000) g",
            "alter sequence ticket increment by 7",
            "do $$ begin execute format('alter database %I set work_mem = ''8MB''', current_database()); end $$",
        ],
    )
    async def test_one_of_another_schema_or_size_is_not_used_again(
        self, templates: Templates, shop: Path, change: str
    ) -> None:
        first = await templates.copy("kit_test", shop)
        async with opened(templates, first) as conn:
            number = await oid(conn)
            await conn.execute(change.encode())
        await templates.give_back(first.database)
        async with opened(templates, await templates.copy("kit_test", shop)) as conn:
            assert await oid(conn) != number


@pytest.mark.store
@pytest.mark.parametrize("turn", [1, 2])
async def test_valkey_is_empty_at_the_start_of_every_test(valkey_url: str, turn: int) -> None:
    client = connect(valkey_url)
    assert await client.dbsize() == 0
    await client.set("left behind", turn)
    await client.aclose()


FAILING = """
import random

def test_that_fails(seed):
    assert random.Random(seed).random() > 1
"""


def test_a_failure_shows_the_seed_that_repeats_it(tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "lumbung_kit.testing",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    run = subprocess.run(
        command,
        env={**os.environ, "LUMBUNG_TEST_SEED": "4242"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout.count("LUMBUNG_TEST_SEED=4242") == 2, "in the header, and with the failed test"
