"""Refuse a movement whose warehouse, SKUs or bins stock does not know."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Goods
from lumbung_stock.domain.places import require_bins
from lumbung_stock.domain.skus import Named, require_plain
from lumbung_stock.stores.skus import find_skus
from lumbung_stock.stores.warehouses import find_warehouse, known_bins


async def require_goods(
    conn: Conn,
    warehouse_code: str,
    skus: Sequence[Named],
    bins: Sequence[Named] = (),
    *,
    besides: Collection[str] = (),
) -> None:
    """Every code must be known, and no SKU a bundle. A retired SKU may still be moved: its goods lie around.
    `besides` are places that are as good as bins here.

    Raises WarehouseNotFound, SkuNotFound, SkuIsBundle, BinNotFound.
    """
    await find_warehouse(conn, warehouse_code)
    require_plain(await find_skus(conn, [sku.code for sku in skus]), skus)
    if bins:
        known = await known_bins(conn, warehouse_code, [one.code for one in bins])
        require_bins(known | set(besides), bins)


async def require_goods_in_bin(conn: Conn, goods: Goods, *, besides: Collection[str] = ()) -> None:
    """The same for a request that names one SKU and one bin."""
    skus, bins = [Named("sku_code", goods.sku_code)], [Named("bin_code", goods.bin_code)]
    await require_goods(conn, goods.warehouse_code, skus, bins, besides=besides)
