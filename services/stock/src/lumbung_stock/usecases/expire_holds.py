"""Expire holds: give back what nobody confirmed in time, judged by Postgres' clock alone (P4, P7)."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.reservations import Resolution, Verb
from lumbung_stock.stores import reservations
from lumbung_stock.usecases.resolve_reservations import resolve_reservations

EXPIRE_BATCH = 200


async def expire_holds(conn: Conn) -> int:
    """Expires up to EXPIRE_BATCH holds in the caller's transaction; returns how many were due."""
    due = await reservations.lock_due(conn, EXPIRE_BATCH)
    if due:
        await resolve_reservations(
            conn, [Resolution(reservation_id, Verb.EXPIRE, "") for reservation_id in due]
        )
    return len(due)
