"""Commit a batch of the journal, tell those who wait, and only then forget the entries.

Nothing is compensated on an unknown outcome: the same batch is tried again. One entry that cannot be committed
never blocks the others: the batch is halved until it stands alone, and it is parked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lumbung_kit import telemetry
from lumbung_kit.failures import Failure
from lumbung_kit.logs import get_logger
from lumbung_kit.metrics import SIZES, counter, histogram
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.reservations import Reservation
from lumbung_stock.stores.carts_in_flight import CartsInFlight
from lumbung_stock.stores.gate import RawEntry
from lumbung_stock.stores.journal_codec import decode, split
from lumbung_stock.usecases.durable_answers import DurableAnswers
from lumbung_stock.usecases.sale_ports import FencedError, SaleGate, SaleLedger

_LOG = get_logger(__name__)
_PARKED = counter("lumbung_stock_journal_parked", "Journal entries that could not be committed", ["sale"])
_BATCH = histogram("lumbung_stock_journal_batch_size", "Journal entries committed together", [], SIZES)
_COMMIT = histogram("lumbung_stock_group_commit_duration_seconds", "Time of one group commit in Postgres")
_LAG = histogram(
    "lumbung_stock_journal_lag_seconds",
    "From the gate to Postgres, for the oldest entry of each batch: how long a hold waits to be durable",
)

Entry = tuple[Cart, Mapping[str, str]]
"""A cart and the journal's fields that it came in."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of a journal: what they say, and those that say nothing that we understand, with the reason."""

    raw: Sequence[RawEntry]
    readable: Sequence[Entry]
    broken: Sequence[tuple[Mapping[str, str], Exception]]


@dataclass(frozen=True, slots=True)
class CommitJournal:
    """The committer's one step, for one sale at a time."""

    ledger: SaleLedger
    gate: SaleGate
    answers: DurableAnswers
    carts: CartsInFlight = field(default_factory=CartsInFlight)

    async def __call__(self, code: str, epoch: int, entries: Sequence[RawEntry]) -> None:
        """Raises FencedError, or what the stores raise; then nothing was forgotten and it may be called again."""
        await self.commit(code, epoch, self.decoded(code, entries))

    def decoded(self, code: str, entries: Sequence[RawEntry]) -> Batch:
        """What the entries say, for `commit`: it may be read while the batch before is being committed."""
        readable: list[Entry] = []
        broken: list[tuple[Mapping[str, str], Exception]] = []
        for _, fields in entries:
            try:
                readable += [(self._cart(code, part), part) for part in split(fields)]
            except Exception as error:  # noqa: BLE001 - whatever it stumbles over, the entry is not ours
                broken.append((fields, error))
        return Batch(entries, readable, broken)

    async def commit(self, code: str, epoch: int, batch: Batch) -> None:
        """Commits what can be read, parks the rest, and forgets the entries. Raises as a call does."""
        for fields, error in batch.broken:
            await self._park(code, fields, error)
        if batch.readable:
            await self._commit(code, epoch, batch.readable)
            _LAG.observe(max(0.0, time.time() - journaled_at_s(batch.raw[0][0])))
        await self.gate.acknowledge(
            code, [(entry_id, fields.get("hold", "")) for entry_id, fields in batch.raw]
        )

    def _cart(self, code: str, fields: Mapping[str, str]) -> Cart:
        return decode(fields, self.carts.take(fields["hold"], code))

    async def _commit(self, code: str, epoch: int, entries: Sequence[Entry]) -> None:
        carts = [cart for cart, _ in entries]
        _BATCH.observe(len(carts))
        try:
            answers = await self._settle(code, epoch, carts)
        except (FencedError, Failure):
            raise
        except Exception as error:  # noqa: BLE001 - a bad entry: found by halving and parked
            await self._isolate(code, epoch, entries, error)
            return
        self.answers.settle(answers)

    async def _settle(self, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        links = [cart.traceparent for cart in carts if cart.traceparent]
        span = telemetry.span("commit journal", links=links, flash_sale_code=code, entries=len(carts))
        with span, _COMMIT.time():
            return await self.ledger.settle(code, epoch, carts)

    async def _isolate(self, code: str, epoch: int, entries: Sequence[Entry], error: Exception) -> None:
        if len(entries) == 1:
            await self._park(code, entries[0][1], error)
            return
        middle = len(entries) // 2
        await self._commit(code, epoch, entries[:middle])
        await self._commit(code, epoch, entries[middle:])

    async def _park(self, code: str, fields: Mapping[str, str], error: Exception) -> None:
        hold_id = fields.get("hold", "")
        _PARKED.labels(code).inc()
        _LOG.error("journal entry parked", flash_sale_code=code, reservation_id=hold_id, error=repr(error))
        await self.ledger.park(code=code, hold_id=hold_id, entry=fields, error=repr(error))


def journaled_at_s(entry_id: str) -> float:
    """When Valkey made this id, by its own clock: `<milliseconds>-<number>`."""
    return int(entry_id.partition("-")[0]) / 1000
