"""Get one transfer with its lines."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.transfers import Transfer
from lumbung_stock.stores import transfers


async def get_transfer(conn: Conn, transfer_id: UUID) -> Transfer:
    """As stored. Raises TransferNotFound."""
    return await transfers.find(conn, transfer_id)
