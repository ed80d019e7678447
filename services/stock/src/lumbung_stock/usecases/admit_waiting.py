"""Admit those who wait in a room, in order: as many as there are units for."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.waiting_room import RoomFigures
from lumbung_stock.stores import waiting_rooms

GRACE_S = 5.0
"""How long after its end an admission still counts: a hold that was asked for in time may be on its way to Postgres."""
QUIET_S = 30.0
"""How long nobody has pressed before a room may sleep: a race that is about to begin again is not let loose."""


async def admit_waiting(conn: Conn, code: str) -> RoomFigures | None:
    """One round for one room in the caller's transaction; its figures before those of the round were admitted, or None
    while somebody else has the room."""
    if not await waiting_rooms.lock_room_unless_busy(conn, code):
        return None
    await waiting_rooms.note_used(conn, code)
    await waiting_rooms.note_lapsed(conn, code, grace_s=GRACE_S)
    figures = await waiting_rooms.read_figures(conn, code)
    if figures.draw_is_due:
        await waiting_rooms.draw(conn, code)
        figures = await waiting_rooms.read_figures(conn, code)
    count = figures.to_admit()
    if figures.waiting:
        await waiting_rooms.admit(conn, code, count, figures.rate_after(count))
    else:
        await waiting_rooms.fall_asleep(conn, code, quiet_s=QUIET_S)
    return figures
