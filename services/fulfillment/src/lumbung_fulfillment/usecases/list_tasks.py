"""List the tasks of the wave that a session works on."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.waves import Wave, WaveTask
from lumbung_fulfillment.stores import sessions, tasks, waves
from lumbung_kit.postgres import Conn


async def list_tasks(conn: Conn, session_id: UUID, wave_id: UUID) -> tuple[Wave, list[WaveTask]]:
    """In walking order. Raises SessionNotFound, SessionEnded, WaveNotFound, WaveNotYours."""
    await sessions.get(conn, session_id)
    wave = await waves.get(conn, wave_id)
    wave.require_session(session_id)
    return wave, await tasks.of_wave(conn, wave_id)
