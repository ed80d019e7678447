"""Move units from one bin to another of the same warehouse."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods


async def move_between_bins(
    conn: Conn,
    author: Author,
    warehouse_code: str,
    sku_code: str,
    quantity: int,
    *,
    from_bin_code: str,
    to_bin_code: str,
    reason: str,
) -> LedgerEntry:
    """One entry. Raises what `require_goods` raises, and NotEnoughInBin."""
    bins = [Named("from_bin_code", from_bin_code), Named("to_bin_code", to_bin_code)]
    await require_goods(conn, warehouse_code, [Named("sku_code", sku_code)], bins)
    movement = Movement(MovementKind.MOVE, sku_code, quantity, from_bin_code, to_bin_code, reason=reason)
    return (await book_movements(conn, Booking(warehouse_code, (movement,), author)))[0]
