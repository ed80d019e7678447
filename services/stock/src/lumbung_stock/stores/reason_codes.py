"""Reason codes in Postgres: the newest row of a code counts."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.reason_codes import ReasonChange, ReasonCode

_SQL = load(__package__, "reason_codes.sql")
_LIST, _LOCK, _INSERT, _CHANGES = (_SQL[name] for name in ("list", "lock", "insert", "changes"))


async def find_reasons(conn: Conn) -> dict[str, ReasonCode]:
    """All of them, also those that are retired, by code and in its order."""
    return {row[0]: ReasonCode(*row) async for row in await conn.execute(_LIST)}


async def put_reason(conn: Conn, reason: ReasonCode, actor: str) -> None:
    """As it is from now on."""
    await conn.execute(
        _INSERT,
        {
            "code": reason.code,
            "name_en": reason.name_en,
            "name_id": reason.name_id,
            "retired": reason.retired,
            "actor": actor,
        },
    )


async def lock_reasons(conn: Conn) -> None:
    """Nobody else makes or changes one until the transaction ends."""
    await conn.execute(_LOCK)


async def find_changes(conn: Conn, code: str, limit: int) -> list[ReasonChange]:
    """What a reason was, newest first."""
    cursor = await conn.execute(_CHANGES, {"code": code, "limit": limit})
    return [
        ReasonChange(ReasonCode(found, name_en, name_id, retired), time, actor)
        async for found, name_en, name_id, retired, time, actor in cursor
    ]
