"""What was picked of each SKU, read from the recorded waves."""

from __future__ import annotations

from datetime import datetime, timedelta

from lumbung_fulfillment.domain.velocity import PickHistory
from lumbung_fulfillment.stores.query import fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

SKUS_MAX = 20_000
"""Those that are picked most; the others are C like all that were not picked."""

_HISTORIES = sql.load(__package__, "velocity.sql")["histories"]


async def histories(conn: Conn, warehouse_code: str, now: datetime, weeks: int) -> list[PickHistory]:
    """The picks of the last so many weeks, by SKU."""
    since = now - timedelta(weeks=weeks)
    parameters = {"warehouse_code": warehouse_code, "since": since, "limit": SKUS_MAX}
    return [PickHistory(**row) for row in await fetch(conn, _HISTORIES, parameters)]
