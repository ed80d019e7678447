"""What was picked of each SKU and where, read from the recorded waves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lumbung_fulfillment.domain.slotting import WALKS_MAX, Walk
from lumbung_fulfillment.domain.velocity import PickHistory
from lumbung_fulfillment.stores.query import fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

SKUS_MAX = 20_000
"""Those that are picked most; the others are C like all that were not picked."""

SAMPLE_SEED = 65
"""Which sample of the waves is drawn."""

_SQL = sql.load(__package__, "velocity.sql")
_HISTORIES, _RECORDED, _WALKS = (_SQL[name] for name in ("histories", "recorded", "walks"))


@dataclass(frozen=True, slots=True)
class RecordedWaves:
    """A sample of the waves that were picked, how many there were, and over how many days."""

    walks: tuple[Walk, ...]
    wave_count: int
    days: float


async def histories(conn: Conn, warehouse_code: str, now: datetime, weeks: int) -> list[PickHistory]:
    """The picks of the last so many weeks, by SKU."""
    since = now - timedelta(weeks=weeks)
    parameters = {"warehouse_code": warehouse_code, "since": since, "limit": SKUS_MAX}
    return [PickHistory(**row) for row in await fetch(conn, _HISTORIES, parameters)]


async def recorded_waves(conn: Conn, warehouse_code: str, now: datetime, weeks: int) -> RecordedWaves:
    """The waves of the last so many weeks, or since the first of them, at least a day."""
    parameters = {
        "warehouse_code": warehouse_code,
        "since": now - timedelta(weeks=weeks),
        "sample_seed": SAMPLE_SEED,
        "limit": WALKS_MAX,
    }
    (totals,) = await fetch(conn, _RECORDED, parameters)
    rows = await fetch(conn, _WALKS, parameters)
    walks = tuple(tuple((bin_code, sku) for bin_code, sku in row["places"]) for row in rows)
    since_first = now - (totals["first_time"] or now)
    return RecordedWaves(walks, totals["wave_count"], max(1.0, since_first / timedelta(days=1)))
