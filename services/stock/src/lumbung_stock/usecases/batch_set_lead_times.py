"""Say how long suppliers take to deliver."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.skus import Named
from lumbung_stock.domain.suggestions import LeadTime
from lumbung_stock.stores.replenishment import put_lead_times
from lumbung_stock.usecases.require_goods import require_goods


async def batch_set_lead_times(conn: Conn, author: Author, said: Sequence[LeadTime]) -> None:
    """All or none. Raises what `require_goods` raises."""
    named: dict[str, list[Named]] = {}
    for index, each in enumerate(said):
        named.setdefault(each.warehouse_code, []).append(
            Named(f"lead_times[{index}].sku_code", each.sku_code)
        )
    for warehouse_code, skus in named.items():
        await require_goods(conn, warehouse_code, skus)
    await put_lead_times(conn, author.actor, said)
