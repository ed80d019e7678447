"""What is kept back of a SKU, and when to reorder it."""

from __future__ import annotations

from dataclasses import asdict

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.levels import Level
from lumbung_stock.domain.replenishment import COVER_DAYS, Crossing, Reorder, Replenishment

_SQL = load(__package__, "replenishment.sql")


async def set_figures(conn: Conn, figures: Replenishment) -> None:
    """Writes the figures into a level that the caller has made and locked."""
    await conn.execute(_SQL["set"], asdict(figures))


async def note_change(conn: Conn, before: Level, figures: Replenishment, author: Author, reason: str) -> None:
    """Writes down who changed the figures, and what they were before."""
    was = {
        "safety_stock_before": before.safety_stock,
        "reorder_point_before": before.reorder_point,
        "reorder_quantity_before": before.reorder_quantity,
    }
    row = {**asdict(figures), **was, **asdict(author), "reason": reason}
    await conn.execute(_SQL["note_change"], row)


async def take_crossings(conn: Conn, limit: int) -> list[Crossing]:
    """Takes the oldest crossings that no event has told of: the caller tells of them in this transaction."""
    cursor = await conn.execute(_SQL["take_crossings"], {"limit": limit})
    return [Crossing(Replenishment(*row[:5]), row[5]) async for row in cursor]


async def list_due(
    conn: Conn, warehouse_code: str, *, after: tuple[int, str, str], limit: int
) -> list[Reorder]:
    """What is at or below its reorder point behind `after`, which is (urgency, warehouse, SKU)."""
    parameters = {
        "warehouse_code": warehouse_code,
        "days": COVER_DAYS,
        "after_urgency": after[0],
        "after_warehouse": after[1],
        "after_sku": after[2],
        "limit": limit,
    }
    cursor = await conn.execute(_SQL["due"], parameters)
    return [Reorder(Replenishment(*row[:5]), *row[5:]) async for row in cursor]
