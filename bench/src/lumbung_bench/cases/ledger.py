"""A ledger of a million entries: what lay where in the past, every figure recomputed, the chain followed to its end."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, cast

import psycopg

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import inventory_pb2_grpc as rpc
from lumbung_bench.contestants.stock_service import StockService, stock_service
from lumbung_bench.measure import Timing
from lumbung_bench.reservations import WAREHOUSE, sku
from lumbung_bench.results import CaseResult
from lumbung_bench.rounds import Case, taken_now
from lumbung_bench.stage import Stage
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.clients import open_channel
from lumbung_kit.postgres import Postgres
from lumbung_kit.sql import load
from lumbung_stock.domain import places
from lumbung_stock.usecases.verify_chain import verify_chain
from lumbung_stock.usecases.verify_ledger import verify_ledger

ENTRIES, SKUS = 1_000_000, 2_000
ENTRIES_QUICK, SKUS_QUICK = 20_000, 200
QUICK_MEASURE_S = 3.0
BATCH = 2_000
CALLS = 200
CALLS_QUICK = 20
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
STEP_S = 30
"""Between two entries: a million are a year."""
FAST = 0
"""The SKU that sells best has 2 % of the entries; the others ever fewer."""
CALL_S_MAX = 60.0

_FILL = """
INSERT INTO ledger_entry (
    warehouse_code, sequence, sku_code, quantity, from_place, to_place, kind, document, actor, request_id, record_time,
    effective_time
)
SELECT %(warehouse)s, number, skus[1 + floor(cardinality(skus) * power(abs(hashint8(visit) %% 100000) / 100000.0, 2))],
       CASE step WHEN 0 THEN 3 ELSE 1 END,
       CASE step WHEN 0 THEN 'SUPPLIER' WHEN 3 THEN 'PACKING' ELSE 'A-01' END,
       CASE step WHEN 0 THEN 'A-01' WHEN 1 THEN 'B-' || visit %% 100 WHEN 2 THEN 'PACKING' ELSE 'CUSTOMER' END,
       (ARRAY[1, 2, 3, 5])[1 + step], 'DOC-' || visit, 'staff:' || visit %% 20, 'r-' || number,
       %(first)s + number * make_interval(secs => %(step_s)s), %(first)s + number * make_interval(secs => %(step_s)s)
  FROM (SELECT number, (number - 1) / 4 AS visit, (number - 1) %% 4 AS step, %(skus)s::text[] AS skus
          FROM generate_series(%(after)s::bigint + 1, %(through)s::bigint) AS number) AS entry
 ORDER BY number
"""
"""Four entries a visit: a receipt of 3, one of them put elsewhere, one picked, one gone. What is stored follows."""

_PLACES = """
INSERT INTO place_stock (warehouse_code, place_code, sku_code, quantity)
SELECT warehouse_code, side.place_code, sku_code, sum(side.units)
  FROM ledger_entry
 CROSS JOIN LATERAL (VALUES (to_place, quantity), (from_place, -quantity)) AS side (place_code, units)
 WHERE side.place_code <> ALL (%s)
 GROUP BY 1, 2, 3
"""
_LEVELS = """
UPDATE level SET on_hand = stored.units
  FROM (SELECT sku_code, sum(quantity) AS units FROM place_stock GROUP BY sku_code) AS stored
 WHERE level.sku_code = stored.sku_code
"""


@dataclass(frozen=True, slots=True)
class Ledger:
    """As-of questions and movement histories through the service, one after another; the checks in one process."""

    name: str = "ledger"
    title: str = f"A ledger of {ENTRIES:,} entries of {SKUS:,} SKUs in one warehouse, over a year"

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """Writes the ledger once, through the trigger that chains it, then asks."""
        whole = timing.measure_s >= QUICK_MEASURE_S
        entries, skus = (ENTRIES, SKUS) if whole else (ENTRIES_QUICK, SKUS_QUICK)
        taken = taken_now(timing)
        figures: dict[str, list[float]] = {}
        async with stock_service(stage, "stock", skus=skus, units=0, sale=False) as service:
            await stage.end("stock")
            figures["entries chained a second"] = [await _fill(service, entries, skus, tell)]
            address = await stage.serve("stock", "lumbung_stock", service.environment)
            for number in range(timing.rounds):
                seed = random.Random(number)
                found = await _asked(address, _Asked(seed, entries, skus, CALLS if whole else CALLS_QUICK))
                found |= await _checked(service, entries)
                tell(f"{self.name} {number + 1}/{timing.rounds}  " + _told(found))
                for name, value in found.items():
                    figures.setdefault(name, []).append(value)
            text = await _plans(service, entries)
        return CaseResult(title=self.title, taken=taken, figures=figures, text=text)


def _told(found: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,.2f}" for name, value in found.items())


@asynccontextmanager
async def _connected(service: StockService) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(
        service.admin_url, autocommit=True, options="-c search_path=stock"
    ) as conn:
        yield conn


async def _fill(service: StockService, entries: int, skus: int, tell: Callable[[str], None]) -> float:
    """Entries a second."""
    tell(f"writing {entries:,} entries")
    asked = {
        "warehouse": WAREHOUSE,
        "skus": [sku(number) for number in range(skus)],
        "first": FIRST,
        "step_s": STEP_S,
    }
    async with _connected(service) as conn:
        await conn.execute("INSERT INTO ledger_head (warehouse_code) VALUES (%s)", [WAREHOUSE])
        start = time.perf_counter()
        for after in range(0, entries, BATCH):
            through = min(after + BATCH, entries)
            async with conn.transaction():
                await conn.execute("UPDATE ledger_head SET sequence = %s", [through])
                await conn.execute(_FILL, {**asked, "after": after, "through": through})
        seconds = time.perf_counter() - start
        await conn.execute(_PLACES, [sorted(places.OUTSIDE)])
        await conn.execute(_LEVELS)
        await conn.execute("VACUUM ANALYZE")
    return entries / seconds


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which questions are asked; the same ones in each run."""

    seed: random.Random
    entries: int
    skus: int
    calls: int

    def instant(self) -> datetime:
        return FIRST + timedelta(seconds=STEP_S * self.seed.uniform(1, self.entries))

    def past(self, sku_codes: list[str]) -> pb.GetStockAsOfRequest:
        asked = pb.GetStockAsOfRequest(warehouse_code=WAREHOUSE, sku_codes=sku_codes)
        asked.as_of_time.FromDatetime(self.instant())
        return asked

    def anybody(self) -> str:
        return sku(self.seed.randrange(self.skus))

    def history(self, **fields: Any) -> pb.ListLedgerEntriesRequest:
        return pb.ListLedgerEntriesRequest(warehouse_code=WAREHOUSE, newest_first=True, **fields)

    def document(self) -> str:
        return f"DOC-{self.seed.randrange(self.entries // 4)}"


async def _asked(address: str, asked: _Asked) -> dict[str, float]:
    """Milliseconds by question, as a client sees them."""
    async with open_channel(address, actor="staff:bench") as channel:
        stub = rpc.InventoryServiceStub(channel)

        async def times(ask: Callable[[], Awaitable[object]]) -> list[float]:
            found = []
            for _ in range(asked.calls):
                start = time.perf_counter()
                await ask()
                found.append(1000 * (time.perf_counter() - start))
            return sorted(found)

        def now(sku_code: str) -> Awaitable[object]:
            request = pb.ListBinStockRequest(warehouse_code=WAREHOUSE, sku_codes=[sku_code])
            return stub.ListBinStock(request, timeout=CALL_S_MAX)

        def past(*sku_codes: str) -> Awaitable[object]:
            return stub.GetStockAsOf(asked.past(list(sku_codes)), timeout=CALL_S_MAX)

        def history(**fields: Any) -> Awaitable[object]:
            return stub.ListLedgerEntries(asked.history(**fields), timeout=CALL_S_MAX)

        present = await times(lambda: now(asked.anybody()))
        one = await times(lambda: past(asked.anybody()))
        found = {
            "one SKU now, p50 ms": median(present),
            "one SKU as of an instant, p50 ms": median(one),
            "one SKU as of an instant, p99 ms": _p99(one),
            "one SKU as of an instant, times now": median(one) / median(present),
            "the fastest mover as of an instant, p99 ms": _p99(await times(lambda: past(sku(FAST)))),
            "a page of 100 SKUs as of an instant, p50 ms": median(await times(past)),
        }
        questions: dict[str, Callable[[], Awaitable[object]]] = {
            "one SKU": lambda: history(sku_code=asked.anybody()),
            "one document": lambda: history(document=asked.document()),
            "one request": lambda: history(by_request_id=f"r-{asked.seed.randrange(1, asked.entries)}"),
            "one bin": lambda: history(place_code=f"B-{asked.seed.randrange(100)}"),
            "one actor": lambda: history(actor=f"staff:{asked.seed.randrange(20)}"),
            "nobody": lambda: history(actor="staff:nobody"),
            "a day": lambda: _day(stub, asked),
        }
        for name, ask in questions.items():
            found[f"history of {name}, p99 ms"] = _p99(await times(ask))
        return found


def _day(stub: rpc.InventoryServiceStub, asked: _Asked) -> Awaitable[object]:
    request, first = asked.history(), asked.instant()
    request.from_time.FromDatetime(first)
    request.until_time.FromDatetime(first + timedelta(days=1))
    return cast("Awaitable[object]", stub.ListLedgerEntries(request, timeout=CALL_S_MAX))


def _p99(ascending: list[float]) -> float:
    return ascending[int(len(ascending) * 0.99)]


async def _checked(service: StockService, entries: int) -> dict[str, float]:
    """Seconds of recomputing everything, by the code that the service and its commands run."""
    postgres = Postgres(
        service.environment["LUMBUNG_STOCK_POSTGRES_URL"], name="bench", schema="stock", max_size=1
    )
    await postgres.open()
    try:
        start = time.perf_counter()
        report = await verify_ledger(postgres, "")
        middle = time.perf_counter()
        chain = await verify_chain(postgres, "")
        end = time.perf_counter()
    finally:
        await postgres.close()
    if report.differences or chain.breaks or report.entry_count != entries:
        raise Trouble(f"the ledger is wrong: {report.differences[:3]}, {chain.breaks}, {report.entry_count}")
    return {
        "every figure recomputed, s": middle - start,
        "the chain followed, s": end - middle,
        "figures": float(report.figure_count),
    }


async def _plans(service: StockService, entries: int) -> str:
    """How Postgres finds what is asked, as Markdown."""
    listed: dict[str, object] = {
        "warehouse_code": WAREHOUSE, "sku_code": "", "document": "", "reservation_id": None, "place_code": "",
        "kinds": [], "actor": "", "request_id": "", "lot_code": "", "reason_code": "", "from_time": None,
        "until_time": None,
        "beyond_sequence": 2**62, "limit": 101,
    }  # fmt: skip
    middle = FIRST + timedelta(seconds=STEP_S * entries / 2)
    day = {"from_time": middle, "until_time": middle + timedelta(days=1)}
    slice_ = {
        "after_warehouse": "", "after_sku": "", "through_warehouse": WAREHOUSE, "through_sku": sku(199),
        "not_on_hand": sorted(places.NOT_ON_HAND), "limit": 1000, "warehouse_code": "",
        "outside": sorted(places.OUTSIDE),
    }  # fmt: skip
    past = {
        "warehouse_code": WAREHOUSE, "sku_codes": [sku(100)], "place_codes": [], "instant": middle,
        "by_effective_time": False, "outside": sorted(places.OUTSIDE),
    }  # fmt: skip
    ledger, audit, chain = (
        load("lumbung_stock.stores", f"{name}.sql") for name in ("ledger", "audit", "ledger_chain")
    )
    asked = {
        "One SKU as of an instant": (ledger["as_of"], past),
        "One SKU by when things happened": (ledger["as_of"], {**past, "by_effective_time": True}),
        "Movements of one SKU": (ledger["list_newest"], {**listed, "sku_code": sku(100)}),
        "Movements of one document, or reservation": (
            ledger["list_newest"],
            {**listed, "document": "DOC-77", "reservation_id": "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"},
        ),
        "Movements of one request": (ledger["list_newest"], {**listed, "request_id": "r-777"}),
        "Movements of one bin": (
            ledger["list_newest"],
            {**listed, "place_code": "B-7"},
        ),
        "Movements of one actor": (ledger["list_newest"], {**listed, "actor": "staff:7"}),
        "Movements of a day": (ledger["list_newest"], {**listed, **day}),
        "Every figure of a slice recomputed": (audit["differences"], slice_),
        "A stretch of the chain": (
            chain["stretch"],
            {"warehouse_code": WAREHOUSE, "after": 0, "hash": b"", "through": 5_000},
        ),
    }
    parts = [
        "# How the ledger is read\n\nWritten by `make bench`; do not edit.",
        f"PostgreSQL's plans for {entries:,} entries.",
    ]
    async with _connected(service) as conn:
        for name, (statement, values) in asked.items():
            words = "EXPLAIN (ANALYZE, BUFFERS) " + statement
            rows = await conn.execute(words, values)
            plan = "\n".join([line async for (line,) in rows])
            parts.append(f"## {name}\n\n```\n{plan}\n```")
    return "\n\n".join(parts) + "\n"


CASES: list[Case] = [Ledger()]
