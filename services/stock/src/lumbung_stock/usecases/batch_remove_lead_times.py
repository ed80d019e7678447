"""Take back what was said of suppliers' lead times."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.replenishment import LeadTimeNotFound
from lumbung_stock.domain.suggestions import LeadTimeKey
from lumbung_stock.stores.replenishment import remove_lead_times


async def batch_remove_lead_times(conn: Conn, author: Author, keys: Sequence[LeadTimeKey]) -> None:
    """All or none. Raises LeadTimeNotFound."""
    removed = await remove_lead_times(conn, author, keys)
    missing = [index for index, key in enumerate(keys) if key not in removed]
    if missing:
        warehouse, sku, supplier = keys[missing[0]]
        raise LeadTimeNotFound(
            metadata={"warehouse_code": warehouse, "sku_code": sku, "supplier_code": supplier},
            fields=[
                FieldViolation(f"lead_times[{index}].supplier_code", "has no lead time of this SKU there")
                for index in missing
            ],
        )
