"""Receive stock: goods from a supplier into bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lumbung_kit.failures import BadInput, FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain import places
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry, Movement, MovementKind
from lumbung_stock.domain.skus import Named
from lumbung_stock.stores.reservations import clock
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.require_goods import require_goods


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """Units of one SKU into one bin."""

    sku_code: str
    bin_code: str
    quantity: int


async def receive_stock(
    conn: Conn,
    author: Author,
    warehouse_code: str,
    lines: Sequence[ReceiptLine],
    *,
    document: str,
    effective_time: datetime | None,
) -> list[LedgerEntry]:
    """All lines or none. Raises what `require_goods` raises, and BadInput for a future time."""
    await require_goods(
        conn,
        warehouse_code,
        [Named(f"lines[{index}].sku_code", line.sku_code) for index, line in enumerate(lines)],
        [Named(f"lines[{index}].bin_code", line.bin_code) for index, line in enumerate(lines)],
    )
    if effective_time is not None and effective_time > await clock(conn):
        wrong = FieldViolation("effective_time", "must not be in the future")
        raise BadInput(f"{wrong.field} {wrong.description}", fields=[wrong])
    movements = tuple(
        Movement(
            MovementKind.RECEIPT,
            line.sku_code,
            line.quantity,
            places.SUPPLIER,
            line.bin_code,
            document=document,
        )
        for line in lines
    )
    return await book_movements(conn, Booking(warehouse_code, movements, author, effective_time))
