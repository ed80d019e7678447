"""Claim the most urgent replenishment that nobody works on, under a lease."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.domain.failures import NoReplenishmentWaiting
from lumbung_fulfillment.domain.replenishment import Replenishment
from lumbung_fulfillment.stores import replenishments, sessions, waves
from lumbung_fulfillment.usecases.find_replenishments import FacesSight
from lumbung_fulfillment.usecases.plan_waves import StaleProposalError
from lumbung_kit.postgres import Conn

_RETRY_AFTER_S = 30.0


async def claim_replenishment(
    conn: Conn, session_id: UUID, sight: FacesSight, lease: timedelta
) -> Replenishment:
    """What this session has already, if anything; else the first of what was seen. `sight` is of the session's
    warehouse.

    Raises SessionNotFound, SessionEnded, NoReplenishmentWaiting; StaleProposalError when somebody else has promised
    units since: look again.
    """
    session = await sessions.lock(conn, session_id)
    own = await replenishments.of_session(conn, session_id)
    if own is not None:
        await replenishments.renew(conn, own.replenishment_id, lease)
        return await replenishments.get(conn, own.replenishment_id)
    if not await waves.take_promise(conn, session.warehouse_code, sight.turn.revision):
        raise StaleProposalError
    if not sight.moves:
        raise NoReplenishmentWaiting(retry_after_s=_RETRY_AFTER_S)
    await replenishments.release_lapsed(conn, session.warehouse_code, session_id)
    claimed = await replenishments.insert(conn, session, sight.moves[0], lease)
    return await replenishments.get(conn, claimed)
