"""Hand a wave over midway: it waits for the next claim of its cart."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.waves import Wave, WaveState
from lumbung_fulfillment.stores import sessions, waves
from lumbung_kit.postgres import Conn


async def pause_wave(conn: Conn, session_id: UUID, wave_id: UUID) -> Wave:
    """Raises SessionNotFound, SessionEnded, WaveNotFound, WaveNotYours, WaveWrongState."""
    await sessions.get(conn, session_id)
    wave = await waves.lock(conn, wave_id)
    wave.require(WaveState.PLANNED, WaveState.CLAIMED, WaveState.PAUSED)
    wave.require_session(session_id)
    await waves.pause_of(conn, session_id)
    return await waves.get(conn, wave_id)
