"""What stock knows of the catalog, in memory: for the hot path, which asks about the same SKUs again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores.memory import Memory
from lumbung_stock.stores.skus import find_skus

SKUS_MAX = 50_000


class SkuBook:
    """SKUs as they were at most `max_age_s` ago, or not before they were forgotten."""

    def __init__(self, postgres: Postgres, *, max_age_s: float = 1.0) -> None:
        self._postgres = postgres
        self._skus = Memory(self._load_skus, max_age_s=max_age_s, max_entries=SKUS_MAX)

    async def find(self, codes: Collection[str]) -> dict[str, SkuRecord]:
        """SKUs by code; unknown codes are absent."""
        return await self._skus.find(codes)

    def forget(self, codes: Collection[str]) -> None:
        """The catalog has changed these SKUs."""
        self._skus.forget(codes)

    async def _load_skus(self, codes: Collection[str]) -> Mapping[str, SkuRecord]:
        async with self._postgres.connection() as conn:
            return await find_skus(conn, codes)
