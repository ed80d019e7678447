"""Record a short pick: the book has units in a bin that the picker has not found."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, Goods, LedgerEntry, Movement, MovementKind
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.lock_reservation import lock_reservation
from lumbung_stock.usecases.require_goods import require_goods_in_bin


async def record_short_pick(
    conn: Conn, author: Author, reservation_id: UUID | None, missing: Goods
) -> list[LedgerEntry]:
    """The missing units leave the bin; what is promised beyond the rest becomes a shortfall.

    Raises what `require_goods` raises, ReservationNotFound, and NotEnoughInBin.
    """
    await require_goods_in_bin(conn, missing)
    if reservation_id is not None:
        await lock_reservation(conn, reservation_id)
    movement = Movement(
        MovementKind.SHORT_PICK,
        missing.sku_code,
        missing.quantity,
        missing.bin_code,
        places.ADJUSTMENT,
        reason=MovementKind.SHORT_PICK.name,
        reservation_id=reservation_id,
        lot=missing.lot,
        chooses_lot=True,
    )
    return await book_movements(conn, Booking(missing.warehouse_code, (movement,), author))
