"""Databases, schemas and least-privileged roles, made ready for migrations by a superuser."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import errors, sql

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,50}")
_ATTEMPTS_MAX = 10
# What the server says when another session makes or changes the same role, schema or database at this moment.
_RACES = (errors.DuplicateObject, errors.DuplicateSchema, errors.DuplicateDatabase, errors.UniqueViolation)


@dataclass(frozen=True, slots=True)
class ServiceRole:
    """How a service connects: `url` holds the role and its password."""

    role: str
    password: str
    url: str


def role_of(schema: str) -> str:
    """The role of the service that owns `schema`. Migrations grant to it."""
    return f"lumbung_{schema}"


async def ensure_database(admin_url: str, name: str) -> str:
    """Makes the database unless it exists. Returns `admin_url`, pointed at it."""
    _check_identifier(name)

    async def make(conn: psycopg.AsyncConnection) -> None:
        found = await conn.execute("select from pg_database where datname = %s", [name])
        if await found.fetchone() is None:
            await conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    await _with_retries(admin_url, make)
    return url_to(admin_url, database=name)


async def ensure_role_and_schema(admin_url: str, schema: str, *, password: str | None = None) -> ServiceRole:
    """Makes the schema in the database of `admin_url`, and the role `lumbung_<schema>` that may use it.

    The role owns nothing and gets its rights on tables from the migrations. Each call gives it a new password
    (or the one given), so the caller hands it to the service at once. Safe when several do it at the same
    time.
    """
    _check_identifier(schema)
    role, password = role_of(schema), password or secrets.token_urlsafe(24)

    async def make(conn: psycopg.AsyncConnection) -> None:
        await _ensure_role(conn, role, password)
        names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
        await conn.execute(sql.SQL("create schema if not exists {schema}").format(**names))
        await conn.execute(sql.SQL("grant usage on schema {schema} to {role}").format(**names))

    await _with_retries(admin_url, make)
    return ServiceRole(role, password, url_to(admin_url, user=role, password=password))


async def _ensure_role(conn: psycopg.AsyncConnection, role: str, password: str) -> None:
    found = await conn.execute("select from pg_roles where rolname = %s", [role])
    verb = "create" if await found.fetchone() is None else "alter"
    await conn.execute(
        sql.SQL(
            "{verb} role {role} login nosuperuser nocreatedb nocreaterole noinherit password {password}"
        ).format(verb=sql.SQL(verb), role=sql.Identifier(role), password=sql.Literal(password))
    )


async def _with_retries(admin_url: str, make: Callable[[psycopg.AsyncConnection], Awaitable[None]]) -> None:
    """Roles and databases belong to the whole server, where no lock of ours would reach every session."""
    for attempt in range(_ATTEMPTS_MAX):
        try:
            async with await psycopg.AsyncConnection.connect(admin_url, autocommit=True) as conn:
                await make(conn)
                return
        except (
            *_RACES,
            errors.InternalError_,
        ) as error:  # "tuple concurrently updated" has no code of its own
            if attempt == _ATTEMPTS_MAX - 1 or _is_real(error):
                raise
            await asyncio.sleep(0.02 * (attempt + 1))


def _is_real(error: psycopg.Error) -> bool:
    return isinstance(error, errors.InternalError_) and "concurrently" not in str(error)


def url_to(
    url: str, *, database: str | None = None, user: str | None = None, password: str | None = None
) -> str:
    """The same server, with another database or another user and password."""
    parts = urlsplit(url)
    location = parts.netloc.rpartition("@")[2]
    credentials = (
        f"{quote(user, safe='')}:{quote(password or '', safe='')}"
        if user
        else parts.netloc.rpartition("@")[0]
    )
    netloc = f"{credentials}@{location}" if credentials else location
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}" if database else parts.path))


def _check_identifier(name: str) -> None:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"not a plain lower_snake name of at most 51 characters: {name!r}")
