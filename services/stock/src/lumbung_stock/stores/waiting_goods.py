"""Goods that lie at a place that is no bin, and since when."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import class_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.waiting_goods import WaitingGoods

_LIST = load(__package__, "waiting_goods.sql")["list"]


async def list_waiting(
    conn: Conn, warehouse_code: str, place_code: str, *, after: tuple[datetime, str], limit: int
) -> list[WaitingGoods]:
    """The longest waiting first; those behind `after`, which is (since, SKU)."""
    async with conn.cursor(row_factory=class_row(WaitingGoods)) as cursor:
        await cursor.execute(
            _LIST,
            {
                "warehouse_code": warehouse_code,
                "place_code": place_code,
                "after_time": after[0],
                "after_sku": after[1],
                "limit": limit,
            },
        )
        return await cursor.fetchall()
