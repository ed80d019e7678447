"""Plan a flash sale: write it down; nothing is set aside yet."""

from __future__ import annotations

from psycopg.errors import UniqueViolation

from lumbung_kit import events
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import FlashSaleExists
from lumbung_stock.stores import flash_sales
from lumbung_stock.wire.events import flash_sale_changed


async def plan_flash_sale(conn: Conn, sale: FlashSale, actor: str) -> FlashSale:
    """Writes the sale in the caller's transaction. Its SKUs and warehouses are known. Raises FlashSaleExists."""
    try:
        await flash_sales.insert_sale(conn, sale, actor)
    except UniqueViolation as error:
        raise FlashSaleExists(metadata={"flash_sale_code": sale.flash_sale_code}) from error
    await events.append(conn, [flash_sale_changed(sale)])
    return sale
