"""Cancel what was not sent of a transfer."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.transfers import Transfer, cancel
from lumbung_stock.stores import transfers


async def cancel_transfer(conn: Conn, transfer_id: UUID, *, reason: str) -> Transfer:
    """As stored. Raises TransferNotFound, TransferClosed, NothingToCancel."""
    before = await transfers.lock(conn, transfer_id)
    return await transfers.change(conn, before, cancel(before), reason)
