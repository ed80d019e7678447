"""Make bins, or change the kind and position of bins that exist."""

from __future__ import annotations

from collections.abc import Sequence

from lumbung_kit.failures import BadInput
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.places import Bin, misplaced
from lumbung_stock.stores import warehouses


async def put_bins(conn: Conn, warehouse_code: str, bins: Sequence[Bin]) -> tuple[int, int]:
    """All or none; returns how many were made and how many changed.

    Raises WarehouseNotFound, and BadInput for bins that lie outside the warehouse's layout.
    """
    wrong = misplaced(await warehouses.find_warehouse(conn, warehouse_code), bins)
    if wrong:
        raise BadInput(f"{wrong[0].field} {wrong[0].description}", fields=wrong)
    return await warehouses.put_bins(conn, warehouse_code, bins)
