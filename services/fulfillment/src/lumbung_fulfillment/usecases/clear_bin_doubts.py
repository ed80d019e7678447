"""Clear doubts about bins: goods came to them, or they were counted."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_fulfillment.stores import waves
from lumbung_kit.postgres import Conn


async def clear_bin_doubts(conn: Conn, places: Sequence[tuple[str, str, str]]) -> None:
    """For each (warehouse, bin, SKU): pickers may be sent there again."""
    if places:
        await waves.clear_doubts(conn, places)
