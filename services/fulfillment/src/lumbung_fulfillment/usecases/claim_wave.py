"""Claim the most urgent wave that nobody works on, under a lease."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.domain.failures import CartInUse, NoWaveWaiting
from lumbung_fulfillment.domain.sessions import Session
from lumbung_fulfillment.domain.waves import Wave, WaveState
from lumbung_fulfillment.stores import journal, sessions, waves
from lumbung_kit.postgres import Conn

_RETRY_AFTER_S = 5.0


async def claim_wave(
    conn: Conn, session_id: UUID, cart_code: str, wanted: UUID | None, lease: timedelta
) -> Wave:
    """The wave, which is this session's now; the one that it has already, if any.

    Raises SessionNotFound, SessionEnded, CartInUse, NoWaveWaiting, WaveNotFound, WaveWrongState.
    """
    session = await sessions.lock(conn, session_id)
    own = await waves.of_session(conn, session_id)
    if own is not None:
        await waves.renew(conn, own, session_id, lease)
        return await waves.get(conn, own)
    if await waves.cart_taken(conn, session.warehouse_code, cart_code, session_id):
        raise CartInUse(metadata={"cart_code": cart_code})
    chosen = await _chosen(conn, session, cart_code, wanted)
    before = await waves.get(conn, chosen)
    await waves.claim(conn, chosen, session_id, session.terminal_code, cart_code, lease)
    wave = await waves.get(conn, chosen)
    await journal.wave_claimed(conn, wave, recovered=before.state is WaveState.CLAIMED)
    return wave


async def _chosen(conn: Conn, session: Session, cart_code: str, wanted: UUID | None) -> UUID:
    chosen = await waves.choose(conn, session.warehouse_code, cart_code, wanted)
    if chosen is not None:
        return chosen
    if wanted is not None:
        (await waves.get(conn, wanted)).require(WaveState.PLANNED, WaveState.PAUSED)
    raise NoWaveWaiting(retry_after_s=_RETRY_AFTER_S)
