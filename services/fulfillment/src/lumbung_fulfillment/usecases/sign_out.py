"""End a session; its wave is handed back."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.stores import sessions, waves
from lumbung_kit.postgres import Conn


async def sign_out(conn: Conn, session_id: UUID) -> None:
    """Raises SessionNotFound, SessionEnded."""
    session = await sessions.lock(conn, session_id)
    await end_session(conn, session.session_id)


async def end_session(conn: Conn, session_id: UUID) -> None:
    """The session is locked."""
    await waves.pause_of(conn, session_id)
    await sessions.close(conn, session_id)
