"""Adjust stock: correct a bin's figure by a difference, with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import NO_LOT, Author, Booking, LedgerEntry, LotName, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods
from lumbung_stock.usecases.require_past import require_past


@dataclass(frozen=True, slots=True)
class Correction:
    """How many more, or fewer, units of one SKU there are in a bin than the book says."""

    warehouse_code: str
    sku_code: str
    bin_code: str
    difference: int
    lot: LotName = NO_LOT


async def adjust_stock(
    conn: Conn,
    author: Author,
    correction: Correction,
    *,
    reason: str,
    document: str,
    effective_time: datetime | None = None,
) -> LedgerEntry:
    """Units come from, or go to, ADJUSTMENT.

    Raises what `require_goods` and `require_past` raise, and NotEnoughInBin.
    """
    await require_past(conn, effective_time)
    bin_code = correction.bin_code
    await require_goods(
        conn,
        correction.warehouse_code,
        [Named("sku_code", correction.sku_code)],
        [Named("bin_code", bin_code)],
        besides=places.ARRIVAL,
    )
    found = correction.difference > 0
    movement = Movement(
        MovementKind.ADJUSTMENT,
        correction.sku_code,
        abs(correction.difference),
        from_place=places.ADJUSTMENT if found else bin_code,
        to_place=bin_code if found else places.ADJUSTMENT,
        reason=reason,
        document=document,
        lot=correction.lot,
    )
    return (
        await book_movements(conn, Booking(correction.warehouse_code, (movement,), author, effective_time))
    )[0]
