"""Close a transfer: what is in transit is lost."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.transfers import Transfer, close
from lumbung_stock.stores import transfers
from lumbung_stock.usecases.book_movements import book_movements


async def close_transfer(
    conn: Conn, author: Author, transfer_id: UUID, *, reason: str
) -> tuple[list[LedgerEntry], Transfer]:
    """The losses, in the receiver's ledger alone, and the transfer as stored.

    Raises TransferNotFound, TransferNotSent, TransferClosed.
    """
    before = await transfers.lock(conn, transfer_id)
    after = close(before)
    losses = tuple(
        Movement(
            MovementKind.ADJUSTMENT,
            line.sku_code,
            line.in_transit,
            places.TRANSIT,
            places.ADJUSTMENT,
            reason=reason,
            document=str(transfer_id),
            chooses_lot=True,
        )
        for line in before.lines
        if line.in_transit
    )
    entries: list[LedgerEntry] = []
    if losses:
        entries = await book_movements(conn, Booking(before.route.to_warehouse_code, losses, author))
    return entries, await transfers.change(conn, before, after, reason)
