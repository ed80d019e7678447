"""The group commit: how fast it is alone, and how far behind it is at full load."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from lumbung_bench import names, reservations
from lumbung_bench.cases.script import JOURNAL_MAX
from lumbung_bench.cases.unary import on_sale
from lumbung_bench.contenders import Contender
from lumbung_bench.contestants.captured import capture_reserve
from lumbung_bench.contestants.stock_service import StockService, stock_service
from lumbung_bench.load.spec import LoadSpec
from lumbung_bench.measure import Timing, generate, measure
from lumbung_bench.results import CaseResult
from lumbung_bench.rounds import Case, taken_now
from lumbung_bench.stage import Stage
from lumbung_dev.local.trouble import Trouble
from lumbung_kit.valkey import Valkey, connect

LINES = 3
ENTRIES = 20_000
ENTRIES_QUICK = 4_000
QUICK_MEASURE_S = 3.0
COPY_RESERVATIONS = 512
COMMIT_S_MAX = 120.0
LAG_IN_FLIGHT = 512
LAG_SAMPLE_S = 0.01
_POLL_S = 0.1
_COPIED = ("reservation", "reservation_draw", "event_log")


@dataclass(frozen=True, slots=True)
class GroupCommit:
    """A journal that was filled while nobody committed; then the service starts, and is timed by the rows' own
    times. The same rows are then written by COPY into tables with the same indexes, as fast as one client can.
    """

    name: str = "group-commit"
    title: str = (
        f"Reservations of {LINES} lines out of a full journal into Postgres, against COPY of the same rows"
    )

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """Fills and empties the journal once a round."""
        entries = ENTRIES if timing.measure_s >= QUICK_MEASURE_S else ENTRIES_QUICK
        taken = taken_now(timing)
        figures: dict[str, list[float]] = {}
        for number in range(timing.rounds):
            found = await _one_round(stage, f"stock, round {number + 1}", entries)
            tell(f"{self.name} {number + 1}/{timing.rounds}  " + _told(found))
            for name, value in found.items():
                figures.setdefault(name, []).append(value)
        return CaseResult(title=self.title, taken=taken, figures=figures)


def _told(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.2f}" for name, value in found.items())


async def _one_round(stage: Stage, name: str, entries: int) -> dict[str, float]:
    async with stock_service(stage, name, settings={"JOURNAL_MAX": str(JOURNAL_MAX)}) as service:
        template = await capture_reserve(service, LINES)
        await stage.end(name)
        load = LoadSpec(
            *(service.valkey_url, "", [template]),
            form="command",
            calls_max=entries,
            warm_up_s=0,
            measure_s=COMMIT_S_MAX,
        )
        filled = await generate(load, Timing(0, COMMIT_S_MAX, 1))
        if filled.statuses.get("0") != entries:
            raise Trouble(f"the journal could not be filled: {filled.statuses}")
        await stage.serve(name, "lumbung_stock", service.environment)
        async with await psycopg.AsyncConnection.connect(
            service.admin_url, autocommit=True, options="-c search_path=stock"
        ) as conn:
            seconds = await _committed(conn, entries)
            await _published(conn)
            rows, copy_s = await _copied(conn)
    return {
        "rows a second": rows / seconds,
        "reservations a second": entries / seconds,
        "rows a second by COPY": rows / copy_s,
        "against COPY": copy_s / seconds,
    }


async def _committed(conn: psycopg.AsyncConnection[Any], entries: int) -> float:
    """Seconds from the first reservation's row to the last one's; the one that was captured does not count."""
    give_up_at = time.monotonic() + COMMIT_S_MAX
    while time.monotonic() < give_up_at:
        answer = await conn.execute(
            "SELECT count(*), extract(epoch FROM max(create_time) - min(create_time)) FROM reservation"
            " WHERE request_id <> (SELECT request_id FROM reservation ORDER BY create_time LIMIT 1)"
        )
        ((count, seconds),) = await answer.fetchall()
        if count >= entries:
            return float(seconds)
        await asyncio.sleep(_POLL_S)
    raise Trouble(f"{entries} entries were not committed in {COMMIT_S_MAX:g} s")


async def _published(conn: psycopg.AsyncConnection[Any]) -> None:
    """Returns when the events of the commits have their positions."""
    give_up_at = time.monotonic() + COMMIT_S_MAX
    while time.monotonic() < give_up_at:
        row = await (await conn.execute("SELECT count(*) FROM event_outbox")).fetchone()
        if row == (0,):
            return
        await asyncio.sleep(_POLL_S)
    raise Trouble("events of the group commit were not published")


async def _copied(conn: psycopg.AsyncConnection[Any]) -> tuple[int, float]:
    """(rows, seconds) of writing what the group commit wrote, 512 reservations a transaction, already formatted."""
    data = {table: await _dump(conn, table) for table in _COPIED}
    rows = sum(map(len, data.values()))
    for table in _COPIED:
        await conn.execute(f"CREATE TABLE {table}_copy (LIKE {table} INCLUDING ALL)")
    transactions = max(1, len(data["reservation"]) // COPY_RESERVATIONS)
    start = time.perf_counter()
    for number in range(transactions):
        async with conn.transaction():
            for table, lines in data.items():
                share = slice(len(lines) * number // transactions, len(lines) * (number + 1) // transactions)
                async with conn.cursor().copy(f"COPY {table}_copy FROM STDIN") as copy:
                    await copy.write(b"".join(lines[share]))
    return rows, time.perf_counter() - start


async def _dump(conn: psycopg.AsyncConnection[Any], table: str) -> list[bytes]:
    async with conn.cursor().copy(f"COPY {table} TO STDOUT") as copy:
        return [bytes(row) async for row in copy]


@dataclass(frozen=True, slots=True)
class JournalLag:
    """The age of the oldest entry that Postgres may not have, looked at a hundred times a second."""

    name: str = "journal-lag"
    title: str = f"Age of the oldest journal entry while {LAG_IN_FLIGHT} durable calls are in flight"

    async def run(self, stage: Stage, timing: Timing, tell: Callable[[str], None]) -> CaseResult:
        """One load a round, watched from aside."""
        taken = taken_now(timing)
        carts = reservations.carts(3, 3)
        p99s: list[float] = []
        rates: list[float] = []
        async with stock_service(stage, "stock") as ours:
            load = replace(on_sale(carts), in_flight=LAG_IN_FLIGHT)
            contender = Contender(names.DURABLE, ours.server, load)
            for number in range(timing.rounds):
                async with _ages(ours) as ages:
                    sample = await measure(stage, contender, timing, seed=number)
                p99s.append(sorted(ages)[int(len(ages) * 0.99)])
                rates.append(sample.rate_per_s)
                tell(f"{self.name} {number + 1}/{timing.rounds}  p99 {p99s[-1]:.3f} s at {rates[-1]:,.0f}/s")
            promised = await ours.server.promised()
        figures = {"lag p99 s": p99s, "reservations a second": rates}
        kept = {ours.server.name: promised} if promised else {}
        return CaseResult(title=self.title, taken=taken, figures=figures, promised=kept)


@asynccontextmanager
async def _ages(ours: StockService) -> AsyncIterator[list[float]]:
    """Ages in seconds, 0 when there is no entry; collected until the block ends."""
    ages: list[float] = []
    valkey = connect(ours.valkey_url)

    async def look_for_ever() -> None:
        journals: dict[bytes, _Journal] = {}
        while True:
            if not journals:
                journals = {key: _Journal() async for key in valkey.scan_iter(_type="stream")}
            ages.append(max([await journals[key].age_s(valkey, key) for key in journals], default=0.0))
            await asyncio.sleep(LAG_SAMPLE_S)

    looking = asyncio.create_task(look_for_ever())
    try:
        yield ages
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking  # raises what it met
        await valkey.aclose()


@dataclass(slots=True)
class _Journal:
    """One stream as it was seen: its entries' ids grow, and do not say when they were written."""

    _newest: deque[tuple[float, tuple[int, int]]] = field(default_factory=deque)
    """(moment, newest id then), oldest look first."""

    async def age_s(self, valkey: Valkey, key: bytes) -> float:
        """How long ago the oldest entry was there when we looked, and one look more: it came since the look before."""
        info: Any = await valkey.xinfo_stream(key)
        now = time.monotonic()
        self._newest.append((now, _entry_id(info["last-generated-id"])))
        if not info["first-entry"]:
            self._newest.clear()
            return 0.0
        oldest = _entry_id(info["first-entry"][0])
        while self._newest[0][1] < oldest:
            self._newest.popleft()
        return now - self._newest[0][0] + LAG_SAMPLE_S


def _entry_id(raw: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = raw.partition(b"-")
    return int(milliseconds), int(sequence)


CASES: list[Case] = [GroupCommit(), JournalLag()]
