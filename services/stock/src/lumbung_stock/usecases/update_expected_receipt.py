"""Update an expected receipt of which nothing has come yet."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.expected_receipts import (
    Expectation,
    ExpectedReceipt,
    require_unbegun,
    require_version,
)
from lumbung_stock.stores import expected_receipts
from lumbung_stock.usecases.create_expected_receipt import require_expectable


async def update_expected_receipt(
    conn: Conn, expected_receipt_id: UUID, expectation: Expectation, *, version: int
) -> ExpectedReceipt:
    """Replaces all of it; returns it as stored.

    Raises what `require_goods` raises, ExpectedReceiptNotFound, ExpectedReceiptClosed, ReceiptBegun, ConcurrentChange
    and ExpectedReceiptExists.
    """
    await require_expectable(conn, expectation)
    before = await expected_receipts.lock(conn, expected_receipt_id)
    require_unbegun(before)
    require_version(before, version)
    await expected_receipts.change(conn, expected_receipt_id, expectation)
    return await expected_receipts.find(conn, expected_receipt_id)
