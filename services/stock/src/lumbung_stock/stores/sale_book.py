"""Flash sales in memory, for the hot path, which asks about the same sale again and again."""

from __future__ import annotations

from collections.abc import Collection

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import FlashSaleNotFound
from lumbung_stock.stores import flash_sales
from lumbung_stock.stores.memory import Memory

SALES_MAX = 1_000


class SaleBook:
    """Sales as they were at most `max_age_s` ago, or not before they were forgotten.

    An old copy does no harm: the gate and the committer compare epochs.
    """

    def __init__(self, postgres: Postgres, *, max_age_s: float = 0.5) -> None:
        self._postgres = postgres
        self._sales = Memory(self._load, max_age_s=max_age_s, max_entries=SALES_MAX)

    async def find(self, code: str) -> FlashSale:
        """One sale. Raises FlashSaleNotFound."""
        found = await self._sales.find([code])
        if code not in found:
            raise FlashSaleNotFound(metadata={"flash_sale_code": code})
        return found[code]

    async def find_fresh(self, code: str) -> FlashSale:
        """One sale as it is now. Raises FlashSaleNotFound."""
        self.forget(code)
        return await self.find(code)

    def forget(self, code: str) -> None:
        """The sale has changed."""
        self._sales.forget([code])

    async def running(self) -> list[str]:
        """Sales that are open or being closed, as of now."""
        async with self._postgres.connection() as conn:
            return await flash_sales.running_sales(conn)

    async def _load(self, codes: Collection[str]) -> dict[str, FlashSale]:
        async with self._postgres.connection() as conn:
            return await flash_sales.find_sales(conn, list(codes))
