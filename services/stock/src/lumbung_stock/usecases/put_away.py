"""Put away: goods that were received go into their bins."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.receive_stock import ReceiptLine
from lumbung_stock.usecases.require_goods import require_goods


async def put_away(
    conn: Conn, author: Author, warehouse_code: str, lines: Sequence[ReceiptLine]
) -> list[LedgerEntry]:
    """All lines or none. Raises what `require_goods` raises, and NotEnoughInBin when fewer wait."""
    await require_goods(
        conn,
        warehouse_code,
        [Named(f"lines[{index}].sku_code", line.sku_code) for index, line in enumerate(lines)],
        [Named(f"lines[{index}].bin_code", line.bin_code) for index, line in enumerate(lines)],
    )
    movements = tuple(
        Movement(
            MovementKind.PUTAWAY,
            line.sku_code,
            line.quantity,
            places.RECEIVING,
            line.bin_code,
            lot=line.lot,
        )
        for line in lines
    )
    return await book_movements(conn, Booking(warehouse_code, movements, author))
