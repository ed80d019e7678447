"""Refuse changes by hand to what is being counted, unless somebody who may has a reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author, Goods
from lumbung_stock.domain.stocktake_failures import StocktakeLocked
from lumbung_stock.stores import stocktakes


@dataclass(frozen=True, slots=True)
class CountLock:
    """`may_override`: actors who may change by hand what is being counted."""

    may_override: frozenset[str] = frozenset()

    async def require_goods(self, conn: Conn, author: Author, goods: Goods, reason: str) -> None:
        """As `require`, for one SKU in one bin."""
        await self.require(conn, author, goods.warehouse_code, [goods.bin_code], goods.sku_code, reason)

    async def require(
        self, conn: Conn, author: Author, warehouse_code: str, bins: Collection[str], sku: str, reason: str
    ) -> None:
        """Before anything is locked. No count is opened until the caller's transaction has ended.

        Raises StocktakeLocked; an override is kept with its reason.
        """
        await stocktakes.keep_openings_out(conn, warehouse_code)
        locking = await stocktakes.find_locking(conn, warehouse_code, bins, [sku])
        if not locking:
            return
        if not reason or author.actor not in self.may_override:
            raise StocktakeLocked(metadata={"stocktake_id": str(locking[0]), "sku_code": sku})
        await stocktakes.insert_overrides(conn, locking, author, reason)
