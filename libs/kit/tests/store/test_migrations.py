"""Migrations reach one schema, once, and a service has no more rights than they grant."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from lumbung_kit import migrations, provision
from lumbung_kit.migrations import MigrationError, SchemaVersionError
from lumbung_kit.postgres import Postgres
from lumbung_kit.testing import Server

pytestmark = pytest.mark.store


@pytest.fixture
async def admin_url(postgres_server: Server) -> AsyncIterator[str]:
    """A new database of this test's own."""
    name = f"migrations_{uuid.uuid4().hex[:8]}"
    yield await provision.ensure_database(postgres_server.url, name)
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as conn:
        await conn.execute(f"drop database {name} with (force)")


@pytest.fixture
def schema() -> str:
    """Of this test's own too, since the role named after it belongs to the whole server."""
    return f"s{uuid.uuid4().hex[:8]}"


def folder_with(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, up in files.items():
        (folder / f"{name}.sql").write_text(f"-- migrate:up\n{up}\n-- migrate:down\n")
    return folder


async def test_the_kits_and_the_services_migrations_are_applied_once(
    admin_url: str, schema: str, tmp_path: Path
) -> None:
    own = folder_with(tmp_path / "own", v20260101000001_first="select 1")
    (own / "v20260101000001_first.sql").rename(own / "20260101000001_first.sql")
    await provision.ensure_role_and_schema(admin_url, schema)
    names = await migrations.pending(admin_url, schema, [own])
    assert names[0] == "00000000000001_events.sql"
    assert names[-1] == "20260101000001_first.sql"

    await migrations.migrate(admin_url, schema, [own])
    await migrations.migrate(admin_url, schema, [own])

    assert await migrations.pending(admin_url, schema, [own]) == []


async def test_several_may_migrate_several_schemas_at_once(admin_url: str, tmp_path: Path) -> None:
    schemas = [f"s{uuid.uuid4().hex[:8]}" for _ in range(3)]

    async def deploy(schema: str) -> None:
        await provision.ensure_role_and_schema(admin_url, schema)
        await migrations.migrate(admin_url, schema, [tmp_path])

    await asyncio.gather(*(deploy(schema) for schema in schemas * 2))
    for schema in schemas:
        assert await migrations.pending(admin_url, schema, [tmp_path]) == []


async def test_an_index_may_be_made_beside_other_schemas_that_wait_for_their_turn(
    admin_url: str, tmp_path: Path
) -> None:
    """CREATE INDEX CONCURRENTLY waits for every snapshot in the database, so those who wait must have none."""
    (tmp_path / "20260101000001_table.sql").write_text(
        "-- migrate:up\ncreate table one (x bigint);\n-- migrate:down\n"
    )
    (tmp_path / "20260101000002_index.sql").write_text(
        "-- migrate:up transaction:false\ncreate index concurrently one_by_x on one (x);\n-- migrate:down\n"
    )
    await test_several_may_migrate_several_schemas_at_once(admin_url, tmp_path)


async def test_a_failing_migration_says_why_and_leaves_nothing_half_done(
    admin_url: str, schema: str, tmp_path: Path
) -> None:
    (tmp_path / "20260101000001_bad.sql").write_text(
        "-- migrate:up\ncreate table half (x bigint);\nselect no_such_column;\n-- migrate:down\n"
    )
    await provision.ensure_role_and_schema(admin_url, schema)
    with pytest.raises(MigrationError, match="no_such_column"):
        await migrations.migrate(admin_url, schema, [tmp_path])
    assert await migrations.pending(admin_url, schema, [tmp_path]) == ["20260101000001_bad.sql"]
    async with await psycopg.AsyncConnection.connect(admin_url) as conn:
        row = await (await conn.execute("select to_regclass(%s)", [f"{schema}.half"])).fetchone()
    assert row == (None,)


async def test_a_missing_folder_is_named(admin_url: str, schema: str) -> None:
    with pytest.raises(MigrationError, match="/no/such/folder"):
        await migrations.migrate(admin_url, schema, [Path("/no/such/folder")])


async def test_a_service_starts_on_exactly_its_own_version(
    admin_url: str, schema: str, tmp_path: Path
) -> None:
    role = await provision.ensure_role_and_schema(admin_url, schema)
    await migrations.migrate(admin_url, schema, [tmp_path])
    postgres = Postgres(role.url, name="test", schema=schema)
    await postgres.open()
    try:
        await migrations.require_current(postgres, [tmp_path])
        (tmp_path / "20260101000001_new.sql").write_text("-- migrate:up\nselect 1;\n-- migrate:down\n")
        with pytest.raises(SchemaVersionError, match="20260101000001_new"):
            await migrations.require_current(postgres, [tmp_path])
        await migrations.migrate(admin_url, schema, [tmp_path])
        await migrations.require_current(postgres, [tmp_path])
        (tmp_path / "20260101000001_new.sql").unlink()
        with pytest.raises(SchemaVersionError, match="20260101000001"):
            await migrations.require_current(postgres, [tmp_path])
    finally:
        await postgres.close()


async def test_a_service_can_touch_neither_anothers_tables_nor_make_its_own(
    admin_url: str, tmp_path: Path
) -> None:
    mine, theirs = (f"s{uuid.uuid4().hex[:8]}" for _ in range(2))
    role = await provision.ensure_role_and_schema(admin_url, mine)
    await provision.ensure_role_and_schema(admin_url, theirs)
    for schema in (mine, theirs):
        await migrations.migrate(admin_url, schema, [tmp_path])
    async with await psycopg.AsyncConnection.connect(role.url, autocommit=True) as conn:
        for statement in (
            f"select * from {theirs}.event_log",  # noqa: S608 - a name made above
            f"create table {mine}.own (x bigint)",
            "create table public.own (x bigint)",
            "create role another",
            f"delete from {mine}.event_log",  # noqa: S608 - likewise
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(statement)


async def test_a_role_gets_a_new_password_each_time_and_the_old_one_ends(admin_url: str, schema: str) -> None:
    first = await provision.ensure_role_and_schema(admin_url, schema)
    second = await provision.ensure_role_and_schema(admin_url, schema)
    assert first.role == second.role == f"lumbung_{schema}"
    await (await psycopg.AsyncConnection.connect(second.url)).close()
    with pytest.raises(psycopg.OperationalError, match="password"):
        await psycopg.AsyncConnection.connect(first.url)


async def test_many_may_ensure_the_same_role_and_database_at_once(
    postgres_server: Server, schema: str
) -> None:
    name = f"race_{schema}"

    async def ensure() -> str:
        url = await provision.ensure_database(postgres_server.url, name)
        return (await provision.ensure_role_and_schema(url, schema, password="same")).url

    urls = await asyncio.gather(*(ensure() for _ in range(8)))
    assert len(set(urls)) == 1
    async with await psycopg.AsyncConnection.connect(postgres_server.url, autocommit=True) as conn:
        await conn.execute(f"drop database {name}")


@pytest.mark.parametrize("name", ["", "Stock", "a-b", "a;drop", "a" * 60])
async def test_only_plain_names_become_identifiers(name: str) -> None:
    with pytest.raises(ValueError, match="plain lower_snake"):
        await provision.ensure_role_and_schema("postgresql://nowhere", name)


def test_urls_change_only_where_asked() -> None:
    url = "postgresql://admin:secret@db.example:6432/one?sslmode=require"
    assert (
        provision.url_to(url, database="two")
        == "postgresql://admin:secret@db.example:6432/two?sslmode=require"
    )
    assert (
        provision.url_to(url, user="lumbung_a", password="p/w@")
        == "postgresql://lumbung_a:p%2Fw%40@db.example:6432/one?sslmode=require"
    )
