"""Send a transfer: units leave one warehouse for another, and are on hand in neither."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.domain.transfers import Parcel, Transfer, send
from lumbung_stock.stores import transfers
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods


async def send_transfer(
    conn: Conn, author: Author, transfer_id: UUID, parcels: Sequence[Parcel]
) -> tuple[list[LedgerEntry], Transfer]:
    """All parcels or none, in the sender's ledger alone.

    Raises TransferNotFound, what `require_goods` raises, TransferClosed, MoreThanPlanned, NotEnoughAvailable,
    NotEnoughInBin.
    """
    before = await transfers.lock(conn, transfer_id)
    warehouse_code = before.route.from_warehouse_code
    await require_goods(
        conn,
        warehouse_code,
        [Named(f"{parcel.field}.sku_code", parcel.sku_code) for parcel in parcels],
        [Named(f"{parcel.field}.bin_code", parcel.bin_code) for parcel in parcels],
        besides={places.RECEIVING},
    )
    after = send(before, parcels)
    movements = tuple(_leaves(parcel, transfer_id) for parcel in parcels)
    entries = await book_movements(conn, Booking(warehouse_code, movements, author), unpromised_alone=True)
    return entries, await transfers.change(conn, before, after)


def _leaves(parcel: Parcel, transfer_id: UUID) -> Movement:
    return Movement(
        MovementKind.TRANSFER,
        parcel.sku_code,
        parcel.quantity,
        parcel.bin_code,
        places.TRANSIT,
        document=str(transfer_id),
        lot=parcel.lot,
    )
