"""List how a lot's last day was corrected."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.lots import ExpiryCorrection, LotKey, require_correctable
from lumbung_stock.stores import lots


async def list_expiry_corrections(
    conn: Conn, lot: LotKey, *, before: int, limit: int
) -> list[ExpiryCorrection]:
    """Newest first, before one of them. Raises LotNotFound."""
    require_correctable(lot, await lots.find_lots(conn, [lot]), False, None)
    return await lots.list_corrections(conn, lot, before=before, limit=limit)
