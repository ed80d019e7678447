"""How statements are run: named parameters, rows by column name."""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from lumbung_kit.postgres import Conn


async def fetch(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every row that a statement from our files answers."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


async def execute(conn: Conn, statement: str, parameters: Mapping[str, Any]) -> int:
    """Runs a statement from our files that answers nothing; says how many rows it touched."""
    cursor = await conn.execute(statement, parameters)
    return cursor.rowcount
