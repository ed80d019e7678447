"""Leases: advisory locks that belong to a session, so that they end with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.sql import load

_SQL = load(__package__, "leases.sql")


@asynccontextmanager
async def lease(postgres: Postgres, name: str) -> AsyncIterator[Conn | None]:
    """The session that holds the lease, or None when another has it. Given up at the end of the block."""
    async with postgres.connection() as conn:
        cursor = await conn.execute(_SQL["try_lease"], {"name": name})
        row = await cursor.fetchone()
        if not (row and row[0]):
            yield None
            return
        try:
            yield conn
        finally:
            if not conn.broken:
                await conn.execute(_SQL["release_leases"])
