"""Open a session of one person at one terminal; an older one there ends."""

from __future__ import annotations

from lumbung_fulfillment.domain.sessions import Session
from lumbung_fulfillment.stores import sessions
from lumbung_fulfillment.usecases.sign_out import end_session
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn


async def sign_in(conn: Conn, terminal_code: str, warehouse_code: str, picker_code: str) -> Session:
    """The new session. What the older one worked on waits for the next claim."""
    older = await sessions.open_session_of(conn, warehouse_code, terminal_code)
    if older is not None:
        await end_session(conn, older)
    session = Session(new_id(), terminal_code, warehouse_code, picker_code, None)
    await sessions.insert(conn, session)
    return session
