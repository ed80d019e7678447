"""Which sellable figures follow from a SKU's."""

from __future__ import annotations

from collections.abc import Collection

from lumbung_kit.postgres import Conn
from lumbung_kit.sql import load

_AFFECTED = load(__package__, "sellables.sql")["affected"]


async def affected(conn: Conn, sku_codes: Collection[str]) -> list[str]:
    """The SKUs themselves and the bundles that contain them."""
    if not sku_codes:
        return []
    cursor = await conn.execute(_AFFECTED, {"sku_codes": list(sku_codes)})
    return [row[0] async for row in cursor]
