"""How statements are run: named parameters, rows by column name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from lumbung_kit.postgres import Conn

Row = dict[str, Any]


async def fetch(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    """Every row that a statement from our files answers."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


async def fetch_one(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> Row | None:
    """The only row, or none."""
    rows = await fetch(conn, statement, parameters)
    return rows[0] if rows else None


async def execute(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> int:
    """Runs a statement from our files that answers nothing; says how many rows it touched."""
    cursor = await conn.execute(statement, parameters)
    return cursor.rowcount
