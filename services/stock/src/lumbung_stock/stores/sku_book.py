"""What stock knows of the catalog, in memory: for the hot path, which asks about the same SKUs again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.skus import SkuRecord
from lumbung_stock.stores.memory import Memory
from lumbung_stock.stores.skus import bundles_by_component, find_skus

SKUS_MAX = 50_000


class SkuBook:
    """SKUs and bundles as they were at most `max_age_s` ago, or not before they were forgotten."""

    def __init__(self, postgres: Postgres, *, max_age_s: float = 1.0) -> None:
        self._postgres = postgres
        self._skus = Memory(self._load_skus, max_age_s=max_age_s, max_entries=SKUS_MAX)
        self._bundles = Memory(self._load_bundles, max_age_s=max_age_s, max_entries=SKUS_MAX)

    async def find(self, codes: Collection[str]) -> dict[str, SkuRecord]:
        """SKUs by code; unknown codes are absent."""
        return await self._skus.find(codes)

    async def bundles_of(self, codes: Collection[str]) -> set[str]:
        """The bundles that contain any of these SKUs: what can be promised of them follows."""
        return set().union(*(await self._bundles.find(codes)).values())

    def forget(self, codes: Collection[str]) -> None:
        """The catalog has changed these SKUs; of a bundle, name its components too."""
        self._skus.forget(codes)
        self._bundles.forget(codes)

    async def _load_skus(self, codes: Collection[str]) -> Mapping[str, SkuRecord]:
        async with self._postgres.connection() as conn:
            return await find_skus(conn, codes)

    async def _load_bundles(self, codes: Collection[str]) -> Mapping[str, frozenset[str]]:
        async with self._postgres.connection() as conn:
            found = await bundles_by_component(conn, codes)
        return {code: frozenset(found.get(code, ())) for code in codes}
