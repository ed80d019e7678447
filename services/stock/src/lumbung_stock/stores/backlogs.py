"""What waits in Postgres for somebody to take it up."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load

COUNTED_MAX = 10_000
_BACKLOGS = load(__package__, "backlogs.sql")["backlogs"]


@dataclass(frozen=True, slots=True)
class Backlog:
    """A queue's length, counted up to COUNTED_MAX, and the age of its oldest entry; 0 when it is empty."""

    queue: str
    length: int
    age_s: float


async def read_backlogs(conn: Conn) -> list[Backlog]:
    """Holds to expire, credits that gates are owed, events to publish, journal entries parked for a person."""
    async with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        await cursor.execute(_BACKLOGS, {"limit": COUNTED_MAX})
        return await cursor.fetchall()
