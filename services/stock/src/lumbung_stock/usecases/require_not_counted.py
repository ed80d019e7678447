"""Refuse changes by hand to what is being counted, unless somebody who may has a reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from lumbung_kit.postgres import Conn
from lumbung_stock.domain.ledger import Author, Goods
from lumbung_stock.domain.stocktake_failures import StocktakeLocked
from lumbung_stock.domain.stocktakes import LineKey
from lumbung_stock.stores import stocktakes

OVERRIDERS_NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class CountLock:
    """`may_override`: actors who may change by hand what is being counted."""

    may_override: frozenset[str] = frozenset()

    async def require_goods(self, conn: Conn, author: Author, goods: Goods, reason: str) -> None:
        """As `require`, for one SKU in one bin."""
        lines = [(goods.bin_code, goods.sku_code)]
        await self.require(conn, author, goods.warehouse_code, lines, reason)

    async def require(
        self, conn: Conn, author: Author, warehouse_code: str, lines: Collection[LineKey], reason: str
    ) -> None:
        """Before anything is locked. No count is opened until the caller's transaction has ended. Places that are no
        bins are never counted, so they are free.

        Raises StocktakeLocked, which says who may override; an override is kept with its reason.
        """
        await stocktakes.keep_openings_out(conn, warehouse_code)
        locking = await stocktakes.find_locking(conn, warehouse_code, lines)
        if not locking:
            return
        if not reason or author.actor not in self.may_override:
            raise self._locked(*locking[0])
        await stocktakes.insert_overrides(conn, [stocktake_id for stocktake_id, _ in locking], author, reason)

    def _locked(self, stocktake_id: UUID, line: LineKey) -> StocktakeLocked:
        bin_code, sku_code = line
        return StocktakeLocked(
            metadata={
                "stocktake_id": str(stocktake_id),
                "bin_code": bin_code,
                "sku_code": sku_code,
                "overriders": ",".join(sorted(self.may_override)[:OVERRIDERS_NAMED_MAX]),
            }
        )
