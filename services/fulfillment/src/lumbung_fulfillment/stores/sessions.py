"""Terminals' sessions in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.failures import SessionNotFound
from lumbung_fulfillment.domain.sessions import Session
from lumbung_fulfillment.stores.query import execute, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "sessions.sql")
_LOCK_TERMINAL, _INSERT, _GET, _LOCK, _CLOSE = (
    _SQL[name] for name in ("lock_terminal", "insert", "get", "lock", "close")
)


async def open_session_of(conn: Conn, warehouse_code: str, terminal_code: str) -> UUID | None:
    """The open session of a terminal, locked; or none."""
    parameters = {"warehouse_code": warehouse_code, "terminal_code": terminal_code}
    row = await fetch_one(conn, _LOCK_TERMINAL, parameters)
    return row["session_id"] if row else None


async def insert(conn: Conn, session: Session) -> None:
    """Opens a session; a terminal has one (constraint terminal_session_one_per_terminal)."""
    row = {
        "session_id": session.session_id,
        "terminal_code": session.terminal_code,
        "warehouse_code": session.warehouse_code,
        "picker_code": session.picker_code,
        "actor": context.actor(),
    }
    await execute(conn, _INSERT, row)


async def find(conn: Conn, session_id: UUID) -> Session:
    """A session, also one that has ended: a call that is sent again gets its first answer. Raises SessionNotFound."""
    row = await fetch_one(conn, _GET, {"session_id": session_id})
    if row is None:
        raise SessionNotFound(metadata={"session_id": str(session_id)})
    return Session(**row)


async def get(conn: Conn, session_id: UUID) -> Session:
    """An open session. Raises SessionNotFound, SessionEnded."""
    session = await find(conn, session_id)
    session.require_open()
    return session


async def lock(conn: Conn, session_id: UUID) -> Session:
    """An open session, locked: one claim at a time. Raises SessionNotFound, SessionEnded."""
    await execute(conn, _LOCK, {"session_id": session_id})
    return await get(conn, session_id)


async def close(conn: Conn, session_id: UUID) -> None:
    """Ends a session; no effect when it has ended."""
    await execute(conn, _CLOSE, {"session_id": session_id})
