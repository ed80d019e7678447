"""Databases for tests: copied from a migrated template, put back as they were, and used again.

A copy is some 500 files that are written and removed again, 0.1 s of an idle machine and several times that of a busy
one, where a test touches a handful of tables. So a database that comes back is emptied and kept for the next test.
One whose schema was changed is dropped, or that was written a lot to, and so is each on a server where we
may not empty it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import errors, sql

from lumbung_kit import migrations, provision

_LARGE_BYTES = 4 << 20
"""With a table above this, a database is dropped: what deleted rows leave behind would slow the next tests down."""
_LEAVE_WITHIN_MS = 10_000

_OURS = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"
# Everything that makes a schema: definitions by the transaction that wrote them last, since each change is a new one.
# Of pg_class only what a change of the schema changes: statistics and files come and go with the rows.
_SHAPE = f"""
select concat_ws('|',
    (select md5(string_agg(concat_ws(',', c.oid, n.nspname, relname, relkind, relowner, relacl, reloptions,
                                     relrowsecurity, relforcerowsecurity, relpersistence), ';' order by c.oid))
       from pg_class c join pg_namespace n on n.oid = relnamespace where {_OURS}),
    (select md5(string_agg(concat_ws(',', n.oid, nspname, nspowner, nspacl), ';' order by n.oid))
       from pg_namespace n where {_OURS}),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_attribute),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_attrdef),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_constraint),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_trigger),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_proc),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_rewrite),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_policy),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_sequence),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_extension),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_event_trigger),
    (select concat_ws(',', count(*), sum(xmin::text::bigint)) from pg_default_acl),
    (select concat_ws(',', count(*), sum(s.xmin::text::bigint)) from pg_db_role_setting s
      join pg_database d on d.oid = setdatabase where datname = current_database()))
"""  # noqa: S608 - of constants
_WRITTEN = f"""
select format('%I.%I', n.nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace
 where relkind = 'r' and {_OURS} and pg_relation_size(c.oid) > 0 order by 1
"""  # noqa: S608 - of a constant
_LARGEST = f"""
select max(pg_table_size(c.oid)) from pg_class c join pg_namespace n on n.oid = relnamespace
 where relkind = 'r' and {_OURS}
"""  # noqa: S608 - of a constant
_OTHERS = (
    "from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
)
_SEQUENCES = "select format('%I.%I', schemaname, sequencename), last_value, start_value from pg_sequences"


@dataclass(frozen=True, slots=True)
class Copy:
    """A database of one test."""

    database: str
    url: str


@dataclass(frozen=True, slots=True)
class Pristine:
    """A migrated database before anybody has used it.

    `seeds` are the rows that migrations have put into tables, as COPY writes them; a sequence that nobody has asked
    has no last value.
    """

    shape: str
    seeds: Mapping[str, bytes]
    sequences: Mapping[str, int | None]


async def look(conn: psycopg.AsyncConnection) -> Pristine:
    """What is to be there again."""
    ((shape,),) = await _rows(conn, _SHAPE)
    seeds = {table: await _contents(conn, table) for table in await _filled(conn)}
    return Pristine(str(shape), seeds, await _last_values(conn))


async def put_back(conn: psycopg.AsyncConnection, pristine: Pristine) -> bool:
    """Puts rows and sequences back as they were, once everybody else has left. False when the schema is another, or
    so much was written that a copy is cheaper.

    Triggers and foreign keys are not asked: all that a test has added goes at once, also what nobody may delete.
    """
    await _send_others_away(conn)
    ((shape, largest),) = await _rows(conn, f"select ({_SHAPE}), ({_LARGEST})")
    if shape != pristine.shape or int(str(largest)) > _LARGE_BYTES:
        return False
    async with conn.transaction():
        await conn.execute("set local session_replication_role = replica")
        for table in {*await _filled(conn), *pristine.seeds}:
            await _put_table_back(conn, table, pristine.seeds.get(table, b""))
        await _put_sequences_back(conn, pristine.sequences)
    return True


async def _put_table_back(conn: psycopg.AsyncConnection, table: str, seed: bytes) -> None:
    if seed and await _contents(conn, table) == seed:
        return
    await conn.execute(f"delete from {table}".encode())  # noqa: S608 - a quoted name
    if seed:
        await _fill(conn, table, seed)


async def _put_sequences_back(conn: psycopg.AsyncConnection, wanted: Mapping[str, int | None]) -> None:
    for name, last, start in await _rows(conn, _SEQUENCES):
        before = wanted[str(name)]
        if last != before:
            value = start if before is None else before
            await conn.execute("select setval(%s::regclass, %s, %s)", (name, value, before is not None))


async def _send_others_away(conn: psycopg.AsyncConnection) -> None:
    await _rows(conn, f"select pg_terminate_backend(pid, %s) {_OTHERS}", _LEAVE_WITHIN_MS)
    if left := await _rows(conn, f"select pid {_OTHERS}"):
        raise RuntimeError(f"sessions {left} on {conn.info.dbname} did not end within {_LEAVE_WITHIN_MS} ms")


async def _last_values(conn: psycopg.AsyncConnection) -> dict[str, int | None]:
    return {
        str(name): None if last is None else int(str(last)) for name, last, _ in await _rows(conn, _SEQUENCES)
    }


async def _filled(conn: psycopg.AsyncConnection) -> list[str]:
    """The tables that have a row."""
    written = [str(table) for (table,) in await _rows(conn, _WRITTEN)]
    asked = " union all ".join(
        f"select {number} where exists (select from {table})"  # noqa: S608 - quoted names
        for number, table in enumerate(written)
    )
    return [written[int(str(number))] for (number,) in await _rows(conn, asked)] if written else []


async def _contents(conn: psycopg.AsyncConnection, table: str) -> bytes:
    async with conn.cursor().copy(f"copy {table} to stdout".encode()) as rows:
        return b"".join([bytes(block) async for block in rows])


async def _fill(conn: psycopg.AsyncConnection, table: str, rows: bytes) -> None:
    async with conn.cursor().copy(f"copy {table} from stdin".encode()) as into:
        await into.write(rows)


async def _rows(
    conn: psycopg.AsyncConnection, statement: str, *parameters: object
) -> list[tuple[object, ...]]:
    cursor = await conn.execute(statement.encode(), parameters or None)
    return await cursor.fetchall()


@dataclass
class Templates:
    """Migrated databases of one server, by schema and migrations, and copies of them."""

    admin_url: str
    _run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    _made: dict[tuple[str, Path], str] = field(default_factory=dict)
    _pristine: dict[str, Pristine | None] = field(default_factory=dict)
    _template_of: dict[str, str] = field(default_factory=dict)
    _free: defaultdict[str, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    @property
    def _password(self) -> str:
        """Roles belong to the server, so every worker on it must give them the same password."""
        return hashlib.sha256(self.admin_url.encode()).hexdigest()

    async def copy(self, schema: str, folder: Path) -> Copy:
        """A database as the migrations leave it, under a name that no other had."""
        template = self._made.get((schema, folder)) or await self._build(schema, folder)
        database = f"test_{self._run}_{uuid.uuid4().hex[:12]}"
        if self._free[template]:
            # A new name, so that a session left over from the last test finds nothing where it was.
            await self._admin("alter database {} rename to {}", self._free[template].popleft(), database)
        else:
            await self._admin("create database {} template {}", database, template)
        self._template_of[database] = template
        role = provision.role_of(schema)
        return Copy(
            database, provision.url_to(self.admin_url, database=database, user=role, password=self._password)
        )

    async def give_back(self, database: str) -> None:
        """Keeps a copy for the next test, or drops it."""
        template = self._template_of.pop(database)
        if await self._is_as_before(database, template):
            self._free[template].append(database)
        else:
            await self._admin("drop database if exists {} with (force)", database)

    def drop_all(self) -> None:
        """Drops what is left, when all tests have ended."""
        with psycopg.connect(self.admin_url, autocommit=True) as conn:
            for name in (*(name for free in self._free.values() for name in free), *self._made.values()):
                conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    async def _is_as_before(self, database: str, template: str) -> bool:
        pristine = self._pristine[template]
        if pristine is None:
            return False
        url = provision.url_to(self.admin_url, database=database)
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
                return await put_back(conn, pristine)
        except errors.InvalidCatalogName:
            return False

    async def _build(self, schema: str, folder: Path) -> str:
        template = f"template_{self._run}_{len(self._made)}"
        url = await provision.ensure_database(self.admin_url, template)
        await provision.ensure_role_and_schema(url, schema, password=self._password)
        await migrations.migrate(url, schema, [folder])
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
            self._pristine[template] = await look(conn) if await _may_empty(conn) else None
        self._made[schema, folder] = template
        return template

    async def _admin(self, statement: str, *names: str) -> None:
        async with await psycopg.AsyncConnection.connect(self.admin_url, autocommit=True) as conn:
            await conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


async def _may_empty(conn: psycopg.AsyncConnection) -> bool:
    """Whether triggers and foreign keys may be set aside, which takes a superuser."""
    ((may,),) = await _rows(conn, "select rolsuper from pg_roles where rolname = current_user")
    return bool(may)
