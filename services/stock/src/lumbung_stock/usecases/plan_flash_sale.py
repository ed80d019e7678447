"""Plan a flash sale: write it down; nothing is set aside yet."""

from __future__ import annotations

from psycopg.errors import UniqueViolation

from lumbung_kit import events
from lumbung_kit.failures import FieldViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.inventory_failures import WarehouseNotFound
from lumbung_stock.domain.reservation_failures import FlashSaleExists
from lumbung_stock.domain.skus import Named, require_plain
from lumbung_stock.stores import flash_sales
from lumbung_stock.stores.skus import find_skus
from lumbung_stock.stores.warehouses import warehouses_by_priority
from lumbung_stock.wire.events import flash_sale_changed


async def plan_flash_sale(conn: Conn, sale: FlashSale, actor: str) -> FlashSale:
    """Writes the sale in the caller's transaction.

    Raises SkuNotFound, SkuIsBundle, WarehouseNotFound, FlashSaleExists.
    """
    await require_known(conn, sale)
    try:
        await flash_sales.insert_sale(conn, sale, actor)
    except UniqueViolation as error:
        raise FlashSaleExists(metadata={"flash_sale_code": sale.flash_sale_code}) from error
    await events.append(conn, [flash_sale_changed(sale)])
    return sale


async def require_known(conn: Conn, sale: FlashSale) -> None:
    """Every item names a plain SKU and a warehouse. Raises with every field that does not."""
    named = [Named(f"items[{index}].sku_code", item.sku_code) for index, item in enumerate(sale.items)]
    require_plain(await find_skus(conn, [one.code for one in named]), named)
    warehouses = await warehouses_by_priority(conn)
    unknown = [
        FieldViolation(f"items[{index}].warehouse_code", f"unknown warehouse {item.warehouse_code}")
        for index, item in enumerate(sale.items)
        if item.warehouse_code not in warehouses
    ]
    if unknown:
        raise WarehouseNotFound(fields=unknown)
