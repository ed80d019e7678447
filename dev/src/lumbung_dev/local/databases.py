"""One database with a schema and a role for each service, migrated."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import psycopg
from psycopg import sql

from lumbung_dev.local.checkout import migrations_of
from lumbung_kit.migrations import migrate
from lumbung_kit.provision import ensure_database, ensure_role_and_schema

SERVICES = ("catalog", "stock", "fulfillment", "channel-sync")


async def prepare(server_url: str, database: str) -> Mapping[str, str]:
    """Makes what is missing; returns each service's own URL by its name."""
    admin_url = await ensure_database(server_url, database)
    urls = await asyncio.gather(*(prepare_one(admin_url, service) for service in SERVICES))
    return dict(zip(SERVICES, urls, strict=True))


async def drop(server_url: str, database: str) -> None:
    """Removes a database of ours with everything in it; never the one that the URL itself names."""
    async with await psycopg.AsyncConnection.connect(server_url, autocommit=True) as connection:
        statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database))
        await connection.execute(statement)


async def prepare_one(admin_url: str, service: str) -> str:
    """One service's schema and role in a database; returns its own URL."""
    schema = service.replace("-", "_")
    role = await ensure_role_and_schema(admin_url, schema)
    await migrate(admin_url, schema, [migrations_of(service)])
    return role.url
