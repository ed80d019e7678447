"""Release a wave to a cart that asks while none waits: planned now, for the most urgent orders."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from lumbung_fulfillment.domain.cart import Capacity
from lumbung_fulfillment.domain.failures import NoWaveWaiting
from lumbung_fulfillment.domain.waves import Wave
from lumbung_fulfillment.stores import orders, sessions
from lumbung_fulfillment.usecases.claim_wave import claim_wave
from lumbung_fulfillment.usecases.plan_waves import (
    PlanSources,
    PlanWish,
    Proposal,
    commit_plan,
    propose_waves,
)
from lumbung_kit.postgres import Conn

ORDERS_MAX = 200
"""How many waiting orders are looked at: few enough for an answer while somebody stands there."""
BUDGET_S = 0.1


async def propose_for_cart(sources: PlanSources, session_id: UUID, capacity: Capacity) -> Proposal | None:
    """One wave that could be, for a cart of the session's warehouse; none when nothing can ride.

    Stock is only asked when an order waits. Raises SessionNotFound, SessionEnded, WarehouseNotFound, LayoutUnusable.
    """
    async with sources.postgres.connection() as conn:
        warehouse_code = (await sessions.get(conn, session_id)).warehouse_code
        waiting = await orders.waiting(conn, warehouse_code, None, 1)
    if not waiting:
        return None
    wish = PlanWish(warehouse_code, capacity, None, BUDGET_S, waves_max=1, orders_max=ORDERS_MAX)
    proposal = await propose_waves(sources, wish)
    return proposal if proposal.waves else None


async def release_wave(
    conn: Conn, session_id: UUID, cart_code: str, proposal: Proposal, lease: timedelta
) -> Wave:
    """The proposed wave, which is this session's at once; another one, if one has come up meanwhile.

    Raises StaleProposalError, and what claim_wave raises.
    """
    try:
        return await claim_wave(conn, session_id, cart_code, None, lease)
    except NoWaveWaiting:
        await commit_plan(conn, proposal)
        return await claim_wave(conn, session_id, cart_code, proposal.waves[0].wave_id, lease)
