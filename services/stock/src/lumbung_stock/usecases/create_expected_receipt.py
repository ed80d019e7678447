"""Create an expected receipt: say what a supplier is to bring."""

from __future__ import annotations

from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.expected_receipts import Expectation, ExpectedReceipt
from lumbung_stock.domain.skus import Named
from lumbung_stock.stores import expected_receipts
from lumbung_stock.usecases.require_goods import require_goods


async def create_expected_receipt(conn: Conn, actor: str, expectation: Expectation) -> ExpectedReceipt:
    """As stored. Raises what `require_goods` raises, and ExpectedReceiptExists."""
    await require_expectable(conn, expectation)
    expected_receipt_id = new_id()
    await expected_receipts.insert(conn, expected_receipt_id, expectation, actor)
    return await expected_receipts.find(conn, expected_receipt_id)


async def require_expectable(conn: Conn, expectation: Expectation) -> None:
    """Stock knows the warehouse and every SKU. Raises what `require_goods` raises."""
    skus = [
        Named(f"expected_receipt.lines[{index}].sku_code", line.sku_code)
        for index, line in enumerate(expectation.lines)
    ]
    await require_goods(conn, expectation.warehouse_code, skus)
