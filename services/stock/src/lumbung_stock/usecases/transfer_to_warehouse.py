"""Transfer units to another warehouse: made and sent at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author, LedgerEntry
from lumbung_stock.domain.transfers import Parcel, Route, Transfer, TransferLine
from lumbung_stock.stores.warehouses import find_warehouse
from lumbung_stock.usecases.create_transfer import create_transfer
from lumbung_stock.usecases.send_transfer import send_transfer


async def transfer_to_warehouse(
    conn: Conn, author: Author, route: Route, parcels: Sequence[Parcel]
) -> tuple[list[LedgerEntry], Transfer]:
    """All parcels or none. Raises what `create_transfer` and `send_transfer` raise."""
    await find_warehouse(conn, route.from_warehouse_code)
    units: Counter[str] = Counter()
    for parcel in parcels:
        units[parcel.sku_code] += parcel.quantity
    lines = [TransferLine(sku_code, quantity) for sku_code, quantity in units.items()]
    made = await create_transfer(conn, author.actor, route, lines)
    return await send_transfer(conn, author, made.transfer_id, parcels)
