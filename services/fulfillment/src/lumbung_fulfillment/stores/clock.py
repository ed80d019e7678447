"""What time it is: the database says so, for all processes alike."""

from __future__ import annotations

from datetime import datetime

from lumbung_fulfillment.stores.query import fetch
from lumbung_kit import sql
from lumbung_kit.postgres import Conn

_NOW = sql.load(__package__, "clock.sql")["now"]


async def now(conn: Conn) -> datetime:
    """The database's clock."""
    (row,) = await fetch(conn, _NOW, {})
    return row["now"]  # type: ignore[no-any-return]
