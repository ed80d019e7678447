"""Check continuously: go over all figures again and again, in slices, and say at once when one is not true (P1, P4).

Each figure is laid beside sources of its own: held and sold beside the reservations, escrow beside the sales, on hand
beside the ledger and beside what the bins hold. A slice is one statement, so what it compares is of one instant, and
no row is locked. One replica at a time does it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import NoReturn

from lumbung_kit.logs import get_logger
from lumbung_kit.loops import loop_time
from lumbung_kit.metrics import gauge
from lumbung_kit.postgres import Postgres
from lumbung_stock.stores.audit import (
    BEGINNING,
    Key,
    broken_promises,
    leaked_holds,
    ledger_differences,
    slice_end,
)
from lumbung_stock.stores.leases import Leases
from lumbung_stock.usecases.watch_chains import WatchChains

_LOG = get_logger(__name__)

SLICE = 200
"""Levels looked at together."""
REST = 9.0
"""Rests so many times as long as a slice took: a tenth of one connection's time at the most."""
PASS_INTERVAL_S = 10.0
LEASE = "checker"
NAMED_MAX = 20
"""Findings of a pass that are logged; the metrics count all."""

OVERSOLD, GAP, LEDGER, PLACES, LEAKED, CHAIN = "oversold", "gap", "ledger", "places", "leaked", "chain"

_GAUGES = {
    OVERSOLD: gauge("lumbung_stock_oversold_units", "Units promised beyond what there is; page at once"),
    GAP: gauge("lumbung_stock_conservation_gap_units", "Units that no reservation and no sale accounts for"),
    LEDGER: gauge(
        "lumbung_stock_ledger_gap_units", "Units in levels and places that the ledger knows nothing of"
    ),
    PLACES: gauge("lumbung_stock_places_gap_units", "Units on hand beyond or below what the bins hold"),
    LEAKED: gauge("lumbung_stock_leaked_holds", "Holds a minute past their deadline, up to 1,000"),
    CHAIN: gauge(
        "lumbung_stock_ledger_chain_breaks", "Warehouses whose ledger is not as it was written; page at once"
    ),
}
_LAST_CLEAN = gauge(
    "lumbung_stock_checker_last_clean_pass_timestamp_seconds",
    "When a pass over all figures last found nothing; 0 where another replica checks",
)
_DURATION = gauge("lumbung_stock_checker_pass_duration_seconds", "Time of the last whole pass")

_COUNTED_AS = {"oversold": OVERSOLD, "places": PLACES}
"""Kinds of broken promises that have a metric of their own; the others are gaps."""


@dataclass(slots=True)
class Findings:
    """What one pass has found so far: units by metric. What is worse than before is shown at once."""

    before: Counter[str]
    units: Counter[str] = field(default_factory=Counter)
    named: int = 0

    def note(self, kind: str, units: int, message: str, /, **names: str | int) -> None:
        """Counts it, and names the first ones in the log."""
        self.units[kind] += units
        _GAUGES[kind].set(max(self.units[kind], self.before[kind]))
        if self.named < NAMED_MAX:
            self.named += 1
            _LOG.error(message, units=units, **names)


class CheckContinuously:
    """The loop. `rest` and `interval_s` say how little it may take."""

    def __init__(
        self, postgres: Postgres, leases: Leases, *, rest: float = REST, interval_s: float = PASS_INTERVAL_S
    ) -> None:
        self._postgres = postgres
        self._leases = leases
        self._rest = rest
        self._interval_s = interval_s
        self._leased_at = float("-inf")
        self._found: Counter[str] = Counter()
        self._chains = WatchChains(postgres)

    async def run(self) -> NoReturn:
        """One pass after another while this replica has the lease; figures of 0 while another has it."""
        try:
            while True:
                if await self._leased():
                    await self.check_all()
                await self._sleep(self._interval_s)
        finally:
            self._forget()

    async def check_all(self) -> None:
        """One pass. What it finds is in the metrics at once; what was mended, when it has ended."""
        started, findings = loop_time(), Findings(self._found)
        await self._check_deadlines(findings)
        await self._check_chains(findings)
        after: Key | None = BEGINNING
        while after is not None and await self._leased():
            began = loop_time()
            after = await self._check_slice(after, findings)
            await self._sleep((loop_time() - began) * self._rest)
        if after is None:
            self._conclude(findings.units, loop_time() - started)

    async def _check_slice(self, after: Key, findings: Findings) -> Key | None:
        """Looks at the slice behind `after`; the key to go on from, None when none is left."""
        async with self._postgres.connection() as conn:
            through = await slice_end(conn, after, SLICE)
            if through is None:
                return None
            broken = await broken_promises(conn, after, through)
            different = await ledger_differences(conn, after, through)
        for promise in broken:
            kind = _COUNTED_AS.get(promise.kind, GAP)
            findings.note(kind, promise.units, "a promise is not kept", **asdict(promise))
        for figure in different:
            units = abs(figure.stored_quantity - figure.ledger_quantity)
            findings.note(LEDGER, units, "a figure is not what the ledger says", **asdict(figure))
        return through

    async def _check_deadlines(self, findings: Findings) -> None:
        async with self._postgres.connection() as conn:
            leaked = await leaked_holds(conn)
        for reservation_id, sale in leaked:
            names = {"reservation_id": str(reservation_id), "flash_sale_code": sale}
            findings.note(LEAKED, 1, "a hold outlives its deadline", **names)

    async def _check_chains(self, findings: Findings) -> None:
        for found in await self._chains():
            names: dict[str, str | int] = {
                "warehouse_code": found.warehouse_code,
                "sequence": found.sequence,
            }
            findings.note(
                CHAIN, 1, "the ledger is not as it was written", problem=found.problem.name, **names
            )

    def _conclude(self, found: Counter[str], seconds: float) -> None:
        self._found = found
        for kind, metric in _GAUGES.items():
            metric.set(found[kind])
        _DURATION.set(seconds)
        if not found:
            _LAST_CLEAN.set(time.time())

    async def _leased(self) -> bool:
        """Whether this replica is the one that checks. Takes the lease, or again in time."""
        if loop_time() < self._leased_at + self._leases.renew_s:
            return True
        if await self._leases.take(LEASE):
            self._leased_at = loop_time()
            return True
        self._forget()
        return False

    async def _sleep(self, seconds: float) -> None:
        """Rests, and keeps the lease meanwhile if it has it."""
        until = loop_time() + seconds
        while (left_s := until - loop_time()) > 0:
            await asyncio.sleep(min(left_s, self._leases.renew_s))
            if self._leased_at > 0:
                await self._leased()

    def _forget(self) -> None:
        """Another replica knows better."""
        self._leased_at = float("-inf")
        self._found = Counter()
        for metric in (*_GAUGES.values(), _LAST_CLEAN):
            metric.set(0)
