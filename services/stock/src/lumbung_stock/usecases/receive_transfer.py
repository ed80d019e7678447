"""Receive a transfer: units arrive from another warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.domain.transfers import Arrival, Parcel, Transfer, receive
from lumbung_stock.stores import transfers
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods


async def receive_transfer(
    conn: Conn, author: Author, transfer_id: UUID, parcels: Sequence[Parcel], *, accept_reason: str
) -> tuple[list[LedgerEntry], Transfer]:
    """All parcels or none, in the receiver's ledger alone. What was not in transit comes out of ADJUSTMENT.

    Raises TransferNotFound, what `require_goods` raises, TransferNotSent, TransferClosed, MoreThanSent.
    """
    before = await transfers.lock(conn, transfer_id)
    warehouse_code = before.route.to_warehouse_code
    await require_goods(
        conn,
        warehouse_code,
        [Named(f"{parcel.field}.sku_code", parcel.sku_code) for parcel in parcels],
        [Named(f"{parcel.field}.bin_code", parcel.bin_code) for parcel in parcels],
        besides=places.ARRIVAL,
    )
    arrival = receive(before, parcels, accept_reason)
    movements = _movements(arrival, transfer_id, accept_reason)
    entries = await book_movements(conn, Booking(warehouse_code, movements, author))
    return entries, await transfers.change(conn, before, arrival.lines)


def _movements(arrival: Arrival, transfer_id: UUID, accept_reason: str) -> tuple[Movement, ...]:
    document = str(transfer_id)
    arrived = [
        Movement(
            MovementKind.TRANSFER,
            each.sku_code,
            each.quantity,
            places.TRANSIT,
            each.bin_code,
            document=document,
            lot=each.lot,
        )
        for each in arrival.sent
    ]
    found = [
        Movement(
            MovementKind.ADJUSTMENT,
            each.sku_code,
            each.quantity,
            places.ADJUSTMENT,
            each.bin_code,
            reason=accept_reason,
            document=document,
            lot=each.lot,
        )
        for each in arrival.over
    ]
    return (*arrived, *found)
