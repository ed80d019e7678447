"""How the floor does, read from what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lumbung_fulfillment.stores.query import Row, fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "measures.sql")
_STATEMENTS = tuple(_SQL[name] for name in ("orders", "scans", "waves", "leftovers"))


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a warehouse over a span."""

    accepted_orders: int
    same_day_orders: int
    shipped_orders: int
    cancelled_orders: int
    short_orders: int
    mean_pick_time: timedelta | None
    pick_scans: int
    wrong_scans: int
    short_picks: int
    wrong_shipments: int
    waves_done: int
    waves_on_time: int
    walk_m: float
    order_by_order_walk_m: float
    open_put_backs: int
    returns_to_inspect: int


async def read(conn: Conn, warehouse_code: str, start: datetime, end: datetime, zone: str) -> Measures:
    """The figures from `start` up to `end`."""
    parameters = {"warehouse_code": warehouse_code, "start": start, "end": end, "zone": zone}
    figures: Row = {}
    for statement in _STATEMENTS:
        (row,) = await fetch(conn, statement, parameters)
        figures |= row
    return Measures(**figures)
