"""What is kept back of a SKU, and when to reorder it."""

from __future__ import annotations

from dataclasses import asdict

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.replenishment import Replenishment

_SET = load(__package__, "replenishment.sql")["set"]


async def set_figures(conn: Conn, figures: Replenishment) -> None:
    """Writes the figures into a level that the caller has made and locked."""
    await conn.execute(_SET, asdict(figures))
