"""Require that what is told has happened already."""

from __future__ import annotations

from datetime import UTC, datetime

from lumbung_kit.failures import BadInput, FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.stores.reservations import clock

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Whatever is said to have happened earlier is a clock that was never set, or a slip."""


async def require_past(conn: Conn, effective_time: datetime | None) -> None:
    """By Postgres' clock; no time means now. Raises BadInput."""
    if effective_time is None:
        return
    if effective_time > await clock(conn):
        raise _wrong("must not be in the future")
    if effective_time < EARLIEST:
        raise _wrong(f"must not be before {EARLIEST:%Y-%m-%d}")


def _wrong(description: str) -> BadInput:
    wrong = FieldViolation("effective_time", description)
    return BadInput(f"{wrong.field} {wrong.description}", fields=[wrong])
