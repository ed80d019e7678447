"""Cancel an expected receipt of which nothing has come."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.expected_receipts import ExpectedReceipt, ExpectedReceiptState, require_unbegun
from lumbung_stock.stores import expected_receipts


async def cancel_expected_receipt(conn: Conn, expected_receipt_id: UUID, *, reason: str) -> ExpectedReceipt:
    """As stored. Raises ExpectedReceiptNotFound, ExpectedReceiptClosed, ReceiptBegun."""
    require_unbegun(await expected_receipts.lock(conn, expected_receipt_id))
    await expected_receipts.set_state(conn, expected_receipt_id, ExpectedReceiptState.CANCELLED, reason)
    return await expected_receipts.find(conn, expected_receipt_id)
