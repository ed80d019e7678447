"""Move units from one bin to another of the same warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import NO_LOT, Author, Booking, LedgerEntry, LotName, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods
from lumbung_stock.usecases.require_past import require_past


@dataclass(frozen=True, slots=True)
class BinMove:
    """Units of one SKU that go from one bin to another."""

    warehouse_code: str
    sku_code: str
    quantity: int
    from_bin_code: str
    to_bin_code: str
    lot: LotName = NO_LOT


async def move_between_bins(
    conn: Conn, author: Author, move: BinMove, *, reason: str, effective_time: datetime | None = None
) -> LedgerEntry:
    """One entry. Raises what `require_goods` and `require_past` raise, and NotEnoughInBin."""
    bins = [Named("from_bin_code", move.from_bin_code), Named("to_bin_code", move.to_bin_code)]
    await require_past(conn, effective_time)
    await require_goods(conn, move.warehouse_code, [Named("sku_code", move.sku_code)], bins)
    movement = Movement(
        MovementKind.MOVE,
        move.sku_code,
        move.quantity,
        move.from_bin_code,
        move.to_bin_code,
        reason=reason,
        lot=move.lot,
    )
    return (await book_movements(conn, Booking(move.warehouse_code, (movement,), author, effective_time)))[0]
