"""Set what units cost the shop, for the value of differences."""

from __future__ import annotations

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author
from lumbung_stock.domain.skus import Named, require_plain
from lumbung_stock.stores import stocktakes
from lumbung_stock.stores.skus import find_skus
from lumbung_stock.stores.stocktakes import Costs


async def set_unit_costs(conn: Conn, author: Author, costs: Costs) -> None:
    """Raises SkuNotFound, SkuIsBundle."""
    named = [Named(f"unit_costs[{index}].sku_code", sku) for index, sku in enumerate(costs)]
    require_plain(await find_skus(conn, list(costs)), named)
    await stocktakes.set_costs(conn, author, costs)
