"""Extend a flash sale's quota: more units go from available into the escrow of a sale that is open."""

from __future__ import annotations

from dataclasses import dataclass

from lumbung_kit import events
from lumbung_kit.failures import PreconditionViolation
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.pools import shares
from lumbung_stock.domain.reservation_failures import (
    FlashSaleNotFound,
    FlashSaleNotOpen,
    QuotaNotAvailable,
    SkuNotOnSale,
)
from lumbung_stock.domain.resolve import EscrowChange
from lumbung_stock.stores import flash_sales, levels, reservations, sellables
from lumbung_stock.stores.flash_sales import Extension
from lumbung_stock.wire.events import availability_changed, flash_sale_changed


@dataclass(frozen=True, slots=True)
class MoreQuota:
    """What somebody wants to add, of one SKU out of one warehouse."""

    flash_sale_code: str
    sku_code: str
    warehouse_code: str
    quantity: int
    actor: str


async def extend_flash_sale_quota(conn: Conn, more: MoreQuota) -> FlashSale:
    """Sets the units aside in the caller's transaction; the gates are told of them afterwards.

    Raises FlashSaleNotFound, FlashSaleNotOpen, SkuNotOnSale, QuotaNotAvailable.
    """
    code = more.flash_sale_code
    family = await flash_sales.lock_family(conn, code)
    sale = (await flash_sales.find_sales(conn, [code])).get(code)
    if sale is None:
        raise FlashSaleNotFound(metadata={"flash_sale_code": code})
    if family[code][0] is not FlashSaleState.OPEN or sale.end_time <= await reservations.clock(conn):
        raise FlashSaleNotOpen(metadata={"state": sale.state.name})
    added = extensions_of(sale, more)
    await flash_sales.lock_items(conn, [(each.flash_sale_code, each.sku_code) for each in added])
    await _require_available(conn, more)
    await levels.change_levels(conn, [LevelChange(more.warehouse_code, more.sku_code, escrow=more.quantity)])
    await flash_sales.change_items(
        conn,
        [
            EscrowChange(each.flash_sale_code, each.sku_code, quota=each.quantity, remaining=each.quantity)
            for each in added
        ],
    )
    await flash_sales.insert_extensions(conn, added, more.actor)
    extended = (await flash_sales.find_sales(conn, [code]))[code]
    skus = await sellables.affected(conn, [more.sku_code])
    await events.append(conn, [flash_sale_changed(extended), availability_changed(skus)])
    return extended


def extensions_of(sale: FlashSale, more: MoreQuota) -> list[Extension]:
    """One extension for each pool that takes the SKU from the warehouse. Raises SkuNotOnSale when none does."""
    takers = [
        gated.flash_sale_code
        for gated in sale.gated
        for item in gated.items
        if (item.sku_code, item.warehouse_code) == (more.sku_code, more.warehouse_code)
    ]
    if not takers:
        raise SkuNotOnSale(metadata={"sku_code": more.sku_code, "warehouse_code": more.warehouse_code})
    return [
        Extension(new_id(), code, sale.epoch, more.sku_code, units)
        for code, units in zip(takers, shares(more.quantity, len(takers)), strict=True)
        if units
    ]


async def _require_available(conn: Conn, more: MoreQuota) -> None:
    key = (more.warehouse_code, more.sku_code)
    level = (await levels.lock_levels(conn, [key])).get(key)
    free = max(0, level.available_to_promise) if level else 0
    if free < more.quantity:
        text = f"asked {more.quantity}, available {free}, missing {more.quantity - free}"
        subject = f"{more.warehouse_code}/{more.sku_code}"
        raise QuotaNotAvailable(preconditions=[PreconditionViolation("QUOTA", subject, text)])
