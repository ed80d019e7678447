"""Receive stock: goods from a supplier that no document announced, into bins, receiving or quarantine."""

from __future__ import annotations

from collections.abc import Sequence
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
class ReceiptLine:
    """Units of one SKU into one bin."""

    sku_code: str
    bin_code: str
    quantity: int
    lot: LotName = NO_LOT


async def receive_stock(
    conn: Conn,
    author: Author,
    warehouse_code: str,
    lines: Sequence[ReceiptLine],
    *,
    document: str,
    effective_time: datetime | None,
) -> list[LedgerEntry]:
    """All lines or none. Raises what `require_arrivals` raises."""
    await require_arrivals(conn, warehouse_code, lines, effective_time)
    return await book_movements(
        conn, Booking(warehouse_code, receipts(lines, document), author, effective_time)
    )


async def require_arrivals(
    conn: Conn, warehouse_code: str, lines: Sequence[ReceiptLine], effective_time: datetime | None = None
) -> None:
    """Goods may arrive in bins and the places of arrival, and not in the future.

    Raises what `require_goods` raises, and BadInput.
    """
    await require_goods(
        conn,
        warehouse_code,
        [Named(f"lines[{index}].sku_code", line.sku_code) for index, line in enumerate(lines)],
        [Named(f"lines[{index}].bin_code", line.bin_code) for index, line in enumerate(lines)],
        besides=places.ARRIVAL,
    )
    await require_past(conn, effective_time)


def receipts(lines: Sequence[ReceiptLine], document: str) -> tuple[Movement, ...]:
    """From the supplier to where each line is put."""
    return tuple(
        Movement(
            MovementKind.RECEIPT,
            line.sku_code,
            line.quantity,
            places.SUPPLIER,
            line.bin_code,
            document=document,
            lot=line.lot,
        )
        for line in lines
    )
