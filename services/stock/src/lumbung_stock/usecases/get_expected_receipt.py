"""Get an expected receipt with what came of it."""

from __future__ import annotations

from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.expected_receipts import Delivery, ExpectedReceipt
from lumbung_stock.stores import expected_receipts
from lumbung_stock.stores.audit import read_one_snapshot

DELIVERIES_MAX = 100


async def get_expected_receipt(
    conn: Conn, expected_receipt_id: UUID
) -> tuple[ExpectedReceipt, list[Delivery]]:
    """It and its newest deliveries, of one instant: call it in a transaction of its own.

    Raises ExpectedReceiptNotFound.
    """
    await read_one_snapshot(conn)
    found = await expected_receipts.find(conn, expected_receipt_id)
    return found, await expected_receipts.newest_deliveries(conn, expected_receipt_id, DELIVERIES_MAX)
