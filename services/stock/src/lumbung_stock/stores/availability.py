"""Figures for those who sell: read at one instant, never computed from memory."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from psycopg.rows import dict_row

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load
from lumbung_stock.domain.availability import Availability, ComponentShare, EscrowShare, Offer

_SQL = load(__package__, "availability.sql")
_FIGURES, _ESCROW_SHARES, _COMPONENT_SHARES = (
    _SQL[name] for name in ("figures", "escrow_shares", "component_shares")
)


async def read_figures(
    conn: Conn, sku_codes: Collection[str], *, warehouse_code: str
) -> dict[str, Availability]:
    """Figures by SKU, all of one instant; unknown codes are absent. `warehouse_code` empty means all of them."""
    asked = {"sku_codes": list(set(sku_codes)), "warehouse_code": warehouse_code}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_FIGURES, asked)
        return {row["sku_code"]: _figures(row) async for row in cursor}


def _figures(row: dict[str, Any]) -> Availability:
    offers = tuple(Offer(code, available, tuple(channels)) for code, available, channels in row.pop("offers"))
    return Availability(**row, offers=offers)


async def escrow_shares(conn: Conn, sku_code: str) -> list[EscrowShare]:
    """What flash sales that are not over have of a plain SKU."""
    cursor = await conn.execute(_ESCROW_SHARES, {"sku_code": sku_code})
    return [EscrowShare(*row) async for row in cursor]


async def component_shares(conn: Conn, sku_code: str) -> list[ComponentShare]:
    """How many bundles each component allows; none for a plain SKU."""
    cursor = await conn.execute(_COMPONENT_SHARES, {"sku_code": sku_code})
    return [ComponentShare(*row) async for row in cursor]
