"""Get availability: how many of some SKUs can be promised, at one instant, now or as it was a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumbung_kit.batching import MicroBatcher
from lumbung_kit.events import EventLog
from lumbung_kit.loops import loop_time
from lumbung_kit.metrics import counter
from lumbung_kit.postgres import Postgres
from lumbung_stock.domain.availability import Availability
from lumbung_stock.domain.inventory_failures import WarehouseNotFound
from lumbung_stock.stores.availability import read_figures
from lumbung_stock.stores.warehouses import find_warehouse

QUERIES_TOGETHER_MAX = 64
QUERIES_IN_FLIGHT = 2
REMEMBERED_MAX = 50_000
"""SKUs, about 1 kB each."""

_ANSWERED = counter("lumbung_stock_availability_figures", "Figures given to readers, by source", ["source"])
_FROM_MEMORY, _FROM_POSTGRES = _ANSWERED.labels("memory"), _ANSWERED.labels("postgres")

Figures = dict[str, Availability]


@dataclass(frozen=True, slots=True)
class _Query:
    warehouse_code: str
    sku_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Remembered:
    figures: Availability
    asked_at: float
    """By the loop's clock, before the question: the figures are no older than since then."""


class GetAvailability:
    """Those who ask at the same time share a query. What was read is remembered, up to REMEMBERED_MAX SKUs, for
    readers who may be told something older."""

    def __init__(self, postgres: Postgres, log: EventLog, *, max_waiting: int) -> None:
        self._postgres = postgres
        self._log = log
        self._remembered: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()
        self._queries: MicroBatcher[_Query, Figures] = MicroBatcher(
            self._read_together,
            max_batch=QUERIES_TOGETHER_MAX,
            max_waiting=max_waiting,
            max_in_flight=QUERIES_IN_FLIGHT,
            name="availability",
        )

    async def __call__(
        self, sku_codes: Collection[str], *, warehouse_code: str, max_age_s: float = 0.0
    ) -> Figures:
        """Figures by SKU, none older than `max_age_s`; unknown SKUs are absent. Raises WarehouseNotFound."""
        found = self._young_enough(sku_codes, warehouse_code, max_age_s) if max_age_s > 0 else {}
        _FROM_MEMORY.inc(len(found))
        if missing := tuple(code for code in sku_codes if code not in found):
            found |= await self._queries.submit(_Query(warehouse_code, missing))
        return found

    async def with_position(self, sku_codes: Collection[str], *, warehouse_code: str) -> tuple[Figures, int]:
        """Figures of now, and a position of the event log before which every change is in them.

        The position is read first: an event in the log was committed before it came there.
        """
        position = await self._log.head()
        return await self(sku_codes, warehouse_code=warehouse_code), position

    async def close(self) -> None:
        """Answers those who wait, and nobody else."""
        await self._queries.close()

    def _young_enough(self, sku_codes: Iterable[str], warehouse_code: str, max_age_s: float) -> Figures:
        oldest = loop_time() - max_age_s
        found = {}
        for code in sku_codes:
            remembered = self._remembered.get((warehouse_code, code))
            if remembered is not None and remembered.asked_at >= oldest:
                found[code] = remembered.figures
        return found

    async def _read_together(self, queries: list[_Query]) -> Sequence[Figures | WarehouseNotFound]:
        """One statement per warehouse asked for, which is one in nearly all cases."""
        codes: dict[str, set[str]] = {}
        for query in queries:
            codes.setdefault(query.warehouse_code, set()).update(query.sku_codes)
        found = {warehouse: await self._read(warehouse, asked) for warehouse, asked in codes.items()}
        return [_part(found[query.warehouse_code], query) for query in queries]

    async def _read(self, warehouse_code: str, sku_codes: Collection[str]) -> Figures | WarehouseNotFound:
        asked_at = loop_time()
        async with self._postgres.connection() as conn:
            try:
                if warehouse_code:
                    await find_warehouse(conn, warehouse_code)
            except WarehouseNotFound as unknown:
                return unknown
            figures = await read_figures(conn, sku_codes, warehouse_code=warehouse_code)
        _FROM_POSTGRES.inc(len(figures))
        self._remember(warehouse_code, figures, asked_at)
        return figures

    def _remember(self, warehouse_code: str, figures: Mapping[str, Availability], asked_at: float) -> None:
        for code, read in figures.items():
            key = (warehouse_code, code)
            before = self._remembered.get(key)
            if before is None or before.asked_at <= asked_at:
                self._remembered[key] = _Remembered(read, asked_at)
                self._remembered.move_to_end(key)
        while len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)


def _part(found: Figures | WarehouseNotFound, query: _Query) -> Figures | WarehouseNotFound:
    if isinstance(found, WarehouseNotFound):
        return found
    return {code: found[code] for code in query.sku_codes if code in found}
