"""Who is measured, and what they must keep."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lumbung_bench.load.messages import Template
from lumbung_bench.load.spec import Form
from lumbung_bench.reservations import REQUEST_PREFIX, RESERVE
from lumbung_bench.results import Promised

ROWS_S_MAX = 20.0
"""How long rows of soft holds may take to arrive."""
ROWS_POLL_S = 0.25


class Books(Protocol):
    """What a contestant has written down for good."""

    @property
    def stock(self) -> Mapping[str, int]:
        """Units that there were to give, by SKU."""

    async def held(self) -> set[str]:
        """The request_id of every hold in the database."""


@dataclass(frozen=True, slots=True)
class Load:
    """How a server is asked."""

    templates: Sequence[Template]
    carts: Sequence[Sequence[str]]
    """The SKUs of each reservation of the templates, in turn; one unit each."""
    path: str = RESERVE
    form: Form = "unary"
    in_flight: int = 64
    rate_per_s: float = 0.0
    connections: int = 4
    calls_max: int = 0


@dataclass(slots=True)
class Server:
    """A running server, and everything that it was asked and answered. `books` is None for one that keeps nothing."""

    name: str
    target: str
    books: Books | None = None
    next_number: int = 0
    _acknowledged: set[int] = field(default_factory=set)
    _units: Counter[str] = field(default_factory=Counter)

    def note(self, load: Load, outcomes: bytes) -> None:
        """Remembers the outcomes of a load, which begin at `next_number`."""
        for offset, outcome in enumerate(outcomes):
            if outcome == 1:
                self._acknowledged.add(self.next_number + offset)
                self._units.update(load.carts[offset % len(load.carts)])
        self.next_number += len(outcomes)

    async def promised(self) -> Promised | None:
        """Looks into the books; soft holds get a while to arrive there."""
        if self.books is None:
            return None
        looks = int(ROWS_S_MAX / ROWS_POLL_S)
        for _ in range(looks):
            missing = self._missing(await self.books.held())
            if not missing:
                break
            await asyncio.sleep(ROWS_POLL_S)
        stock = self.books.stock
        beyond = sum(max(0, units - stock.get(sku, 0)) for sku, units in self._units.items())
        return Promised(acknowledged=len(self._acknowledged), minus_rows=missing, minus_stock=beyond)

    def _missing(self, held: set[str]) -> int:
        return sum(f"{REQUEST_PREFIX}{number:010d}" not in held for number in self._acknowledged)


async def nothing() -> None:
    """No preparation."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server with one way of asking it. `prepare` runs before each measurement.

    `pid` gives the process whose time is counted, where it is not one that the stage runs by the server's name.
    """

    name: str
    server: Server
    load: Load
    prepare: Callable[[], Awaitable[None]] = nothing
    pid: Callable[[], int] | None = None
