"""Open a flash sale: move its quota into escrow, all items or none."""

from __future__ import annotations

from lumbung_kit import events
from lumbung_kit.failures import PreconditionViolation
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.domain.levels import Level, LevelChange, LevelKey
from lumbung_stock.domain.reservation_failures import (
    FlashSaleEnded,
    FlashSaleNotFound,
    FlashSaleWrongState,
    QuotaNotAvailable,
)
from lumbung_stock.domain.resolve import EscrowChange
from lumbung_stock.stores import flash_sales, levels, reservations, sellables
from lumbung_stock.wire.events import availability_changed, flash_sale_changed


async def open_flash_sale(conn: Conn, code: str) -> FlashSale:
    """Sets the quota aside in the caller's transaction, under a new epoch. The gate is armed afterwards. A sale
    that was halted goes on with what its escrow has.

    Raises FlashSaleNotFound, FlashSaleWrongState, FlashSaleEnded, QuotaNotAvailable with what is missing per SKU.
    """
    locked = await flash_sales.lock_sale(conn, code)
    if locked is None:
        raise FlashSaleNotFound(metadata={"flash_sale_code": code})
    sale = (await flash_sales.find_sales(conn, [code]))[code]
    if locked[0] is FlashSaleState.OPEN and sale.halted_since is not None:
        return await _resume(conn, code)
    if locked[0] is not FlashSaleState.PLANNED:
        raise FlashSaleWrongState(metadata={"state": locked[0].name})
    if sale.end_time <= await reservations.clock(conn):
        raise FlashSaleEnded(metadata={"end_time": sale.end_time.isoformat()})
    for each in await flash_sales.lock_family(conn, code):
        await flash_sales.next_epoch(conn, each, FlashSaleState.OPEN)
    quota = [(gated.flash_sale_code, item) for gated in sale.gated for item in gated.items]
    await flash_sales.lock_items(conn, [(gated, item.sku_code) for gated, item in quota])
    available = await levels.lock_levels(conn, [(item.warehouse_code, item.sku_code) for item in sale.items])
    require_quota(sale, available)
    await levels.change_levels(
        conn, [LevelChange(item.warehouse_code, item.sku_code, escrow=item.quota) for item in sale.items]
    )
    await flash_sales.change_items(
        conn, [EscrowChange(gated, item.sku_code, remaining=item.quota) for gated, item in quota]
    )
    opened = (await flash_sales.find_sales(conn, [code]))[code]
    skus = await sellables.affected(conn, [item.sku_code for item in sale.items])
    await events.append(conn, [flash_sale_changed(opened), availability_changed(skus)])
    return opened


async def _resume(conn: Conn, code: str) -> FlashSale:
    """Whoever has looked at a halted sale lets it go on. Halting began a new epoch; arming begins the next."""
    await flash_sales.lock_family(conn, code)
    await flash_sales.resume(conn, code)
    resumed = (await flash_sales.find_sales(conn, [code]))[code]
    await events.append(conn, [flash_sale_changed(resumed)])
    return resumed


def require_quota(sale: FlashSale, available: dict[LevelKey, Level]) -> None:
    """Raises QuotaNotAvailable, naming every item that has too few."""
    missing = []
    for item in sale.items:
        level = available.get((item.warehouse_code, item.sku_code))
        free = max(0, level.available_to_promise) if level else 0
        if free < item.quota:
            text = f"quota {item.quota}, available {free}, missing {item.quota - free}"
            missing.append(PreconditionViolation("QUOTA", f"{item.warehouse_code}/{item.sku_code}", text))
    if missing:
        raise QuotaNotAvailable(preconditions=missing)
