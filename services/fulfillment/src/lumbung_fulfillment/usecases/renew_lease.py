"""Renew a lease: a sign of life of a terminal."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from lumbung_fulfillment.domain.failures import WaveNotYours
from lumbung_fulfillment.stores import sessions, waves
from lumbung_kit.postgres import Conn


async def renew_lease(
    conn: Conn, session_id: UUID, wave_id: UUID | None, lease: timedelta
) -> tuple[datetime | None, int]:
    """When the lease ends now, and the wave's count of changes. Raises SessionNotFound, SessionEnded, WaveNotYours."""
    await sessions.get(conn, session_id)
    if wave_id is None:
        return None, 0
    renewed = await waves.renew(conn, wave_id, session_id, lease)
    if renewed is None:
        raise WaveNotYours(metadata={"wave_id": str(wave_id)})
    return renewed
