"""Give a replenishment back."""

from __future__ import annotations

from uuid import UUID

from lumbung_fulfillment.domain.replenishment import Replenishment
from lumbung_fulfillment.stores import replenishments, sessions, waves
from lumbung_kit.postgres import Conn


async def release_replenishment(
    conn: Conn, session_id: UUID, replenishment_id: UUID, goods_missing: bool
) -> Replenishment:
    """Others may have it now. Where the goods were missing, nobody is sent until the bin was seen to.

    Raises SessionNotFound, SessionEnded, ReplenishmentNotFound, ReplenishmentNotYours, ReplenishmentClosed.
    """
    session = await sessions.get(conn, session_id)
    await waves.lock_promise(conn, session.warehouse_code)
    released = await replenishments.lock(conn, replenishment_id)
    released.require_worker(session.session_id)
    await replenishments.release(conn, replenishment_id)
    if goods_missing:
        await waves.raise_doubt(conn, released.warehouse_code, released.from_bin_code, released.sku_code)
    return await replenishments.get(conn, replenishment_id)
