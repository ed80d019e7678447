"""Receive a delivery against an expected receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.expected_receipts import Arrived, ExpectedReceipt, accept, state_of
from lumbung_stock.domain.ledger import Author, Booking, LedgerEntry
from lumbung_stock.stores import expected_receipts
from lumbung_stock.usecases.book_movements import book_movements
from lumbung_stock.usecases.receive_stock import ReceiptLine, receipts, require_arrivals


@dataclass(frozen=True, slots=True)
class DeliveryNote:
    """What is written down of a delivery besides its goods."""

    delivery_note: str = ""
    accept_reason: str = ""
    effective_time: datetime | None = None


async def receive_delivery(
    conn: Conn, author: Author, expected_receipt_id: UUID, lines: Sequence[ReceiptLine], note: DeliveryNote
) -> tuple[list[LedgerEntry], ExpectedReceipt]:
    """All lines or none; the ledger has them under the document's own number.

    Raises ExpectedReceiptNotFound, what `require_arrivals` raises, ExpectedReceiptClosed, UnexpectedSku, OverDelivery.
    """
    before = await expected_receipts.lock(conn, expected_receipt_id)
    expectation = before.expectation
    await require_arrivals(conn, expectation.warehouse_code, lines, note.effective_time)
    arrived = [Arrived(f"lines[{index}]", line.sku_code, line.quantity) for index, line in enumerate(lines)]
    after = accept(before, arrived, note.accept_reason)
    movements = receipts(lines, expectation.document)
    booking = Booking(expectation.warehouse_code, movements, author, note.effective_time)
    entries = await book_movements(conn, booking)
    await expected_receipts.put_lines(conn, expected_receipt_id, after)
    await expected_receipts.set_state(conn, expected_receipt_id, state_of(after))
    await expected_receipts.add_delivery(
        conn,
        expected_receipt_id,
        entries,
        author,
        delivery_note=note.delivery_note,
        accept_reason=note.accept_reason,
    )
    return entries, await expected_receipts.find(conn, expected_receipt_id)
