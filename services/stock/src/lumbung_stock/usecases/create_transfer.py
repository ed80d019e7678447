"""Create a transfer: say what is to go from one warehouse to another."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.skus import Named
from lumbung_stock.domain.transfers import Route, Transfer, TransferLine
from lumbung_stock.stores import transfers
from lumbung_stock.stores.warehouses import find_warehouse
from lumbung_stock.usecases.require_goods import require_goods


async def create_transfer(conn: Conn, actor: str, route: Route, lines: Sequence[TransferLine]) -> Transfer:
    """A draft, as stored; nothing moves. Raises what `require_goods` raises."""
    await find_warehouse(conn, route.to_warehouse_code)
    named = [Named(f"lines[{index}].sku_code", line.sku_code) for index, line in enumerate(lines)]
    await require_goods(conn, route.from_warehouse_code, named)
    transfer_id = new_id()
    await transfers.insert(conn, transfer_id, route, lines, actor)
    return await transfers.find(conn, transfer_id)
