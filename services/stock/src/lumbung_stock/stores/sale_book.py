"""Flash sales in memory, for the hot path, which asks about the same sale again and again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.loops import loop_time
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import FlashSaleNotFound
from lumbung_stock.stores.memory import Memory

SALES_MAX = 1_000
WAITING_MAX = 10_000


class SaleSource(Protocol):
    """Where sales are read."""

    async def find_sales(self, codes: Sequence[str]) -> dict[str, FlashSale]:
        """Sales with their items; unknown ones are absent."""

    async def running_sales(self) -> list[str]:
        """Codes of the sales that are open or being closed."""


class SaleBook:
    """Sales as they were at most `max_age_s` ago, or not before they were forgotten.

    An old copy cannot take a unit: the gate and the committer compare epochs. But it could refuse one that another
    replica has just opened, so whoever refuses looks at a fresh one first.
    """

    def __init__(self, source: SaleSource, *, max_age_s: float = 0.5) -> None:
        self._source = source
        self._sales = Memory(self._load, max_age_s=max_age_s, max_entries=SALES_MAX, clock=loop_time)
        self._fresh: MicroBatcher[str, FlashSale] = MicroBatcher(
            self._load_in_order, max_batch=SALES_MAX, max_waiting=WAITING_MAX, name="fresh flash sales"
        )

    async def find(self, code: str) -> FlashSale:
        """One sale. Raises FlashSaleNotFound."""
        found = await self._sales.find([code])
        if code not in found:
            raise FlashSaleNotFound(metadata={"flash_sale_code": code})
        return found[code]

    async def find_fresh(self, code: str) -> FlashSale:
        """One sale as it is now; those who ask at the same time share a look. Raises FlashSaleNotFound."""
        self.forget(code)
        return await self._fresh.submit(code)

    async def close(self) -> None:
        """Answers those who wait, and nobody else."""
        await self._fresh.close()

    def forget(self, code: str) -> None:
        """The sale has changed."""
        self._sales.forget([code])

    async def running(self) -> list[str]:
        """Sales that are open or being closed, as of now."""
        return await self._source.running_sales()

    async def _load_in_order(self, codes: list[str]) -> Sequence[FlashSale | FlashSaleNotFound]:
        found = await self._load(set(codes))
        return [found.get(code) or FlashSaleNotFound(metadata={"flash_sale_code": code}) for code in codes]

    async def _load(self, codes: Collection[str]) -> dict[str, FlashSale]:
        return await self._source.find_sales(list(codes))
