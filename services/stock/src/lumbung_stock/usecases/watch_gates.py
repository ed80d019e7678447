"""Watch the gates: set up the one that is shut or has another epoch, reconcile what it may still give, have Postgres
serve a sale whose gate stays away, go on with a closing that was interrupted, and remove what closed sales have left
(P4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from lumbung_kit.failures import StoreUnavailable
from lumbung_kit.logs import get_logger
from lumbung_kit.loops import loop_time
from lumbung_kit.metrics import counter
from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleState, shown_code
from lumbung_stock.domain.reckoning import GateStanding, gap
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.close_flash_sale import CloseFlashSale
from lumbung_stock.usecases.sale_ports import SaleGate, SaleLedger
from lumbung_stock.usecases.set_up_gate import SetUpGate

_LOG = get_logger(__name__)
_RECONCILED = counter(
    "lumbung_stock_gate_gaps", "Gates set up again because their units did not agree", ["sale"]
)
LOOKS_MAX = 5
OWED_MAX = 1_000
GAPS_BEFORE_REPAIR = 3
"""Looks in a row that must find the same gap: an entry that is being parked right now is none."""

PATIENCE_S = 2.0
"""How long an opening, a recovery or a closing may stand still before it counts as interrupted."""
PATIENCE_S_MAX = 60.0
GATE_AWAY_S_MAX = 3.0
"""How long a gate may be away before Postgres serves the sale. A server that is started again is there within a second,
a cluster has another primary within about twice its node timeout, and a caller waits some ten seconds."""
GATE_STEADY_S = 5.0
"""How long nobody must have missed a gate before it is given its sale back: one that comes and goes, or that one
replica cannot reach, would cost the sale a pause each time."""
MISSED_AGAIN_S = 1.0
"""How often it is said that a gate is missed still."""
UNFINISHED = (FlashSaleState.OPEN, FlashSaleState.CLOSING)

Gap = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """Somebody's work on a sale: begun under this epoch, first seen then."""

    epoch: int
    since: float
    patience_s: float


@dataclass(slots=True)
class WatchGates:
    """One round over all running sales at a time."""

    ledger: SaleLedger
    gate: SaleGate
    sales: SaleBook
    set_up_gate: SetUpGate
    close: CloseFlashSale
    patience_s: float = PATIENCE_S
    gate_away_s_max: float = GATE_AWAY_S_MAX
    gate_steady_s: float = GATE_STEADY_S
    clock: Callable[[], float] = loop_time
    _work: dict[str, _Work] = field(default_factory=dict)
    _gaps: dict[str, tuple[Gap, int]] = field(default_factory=dict)
    _seqs: dict[str, tuple[int, int]] = field(default_factory=dict)
    _away_since: dict[str, float] = field(default_factory=dict)
    _missed_at: dict[str, float] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Trouble with one sale is logged and met again in the next round; the others are looked after."""
        running = await self.sales.running()
        self._work = {code: work for code, work in self._work.items() if code in running}
        self._gaps = {code: found for code, found in self._gaps.items() if code in running}
        self._seqs = {code: seen for code, seen in self._seqs.items() if code in running}
        self._missed_at = {code: said for code, said in self._missed_at.items() if code in running}
        await self._look_for_gates(running)
        for code in running:
            try:
                await self._look_after(code)
            except Exception as trouble:  # noqa: BLE001 - whatever ails one sale must not cost the others
                _LOG.warning("gate cannot be looked after", flash_sale_code=code, trouble=repr(trouble))
        if not self._away_since:
            await self.close.remove_gates_left()

    async def _look_for_gates(self, running: Sequence[str]) -> None:
        """Which gates can be reached, asked all at once: one that does not answer takes its time. One that may forget
        what it grants is as good as away. Whatever else ails one of them is met when it is looked after."""
        begun = self.clock()
        answers = await asyncio.gather(*map(self.gate.status, running), return_exceptions=True)
        may_forget = bool(running) and await self._may_forget()
        before, self._away_since = self._away_since, {}
        for code, answer in zip(running, answers, strict=True):
            if may_forget or isinstance(answer, StoreUnavailable):
                self._away_since[code] = before.get(code, begun)

    async def _may_forget(self) -> bool:
        """Whether somebody has set Valkey so that it drops, under pressure, what it was told to keep."""
        try:
            unsafe = await self.gate.unsafe_settings()
        except StoreUnavailable:
            return False
        if unsafe:
            _LOG.error("Valkey may forget what it grants", settings=unsafe)
        return bool(unsafe)

    async def _look_after(self, code: str) -> None:
        sale = await self.sales.find_fresh(code)
        if sale.state is FlashSaleState.OPEN and code in self._away_since:
            await self._miss(sale)
        elif sale.state is FlashSaleState.OPEN and sale.gate_armed:
            self._work.pop(code, None)
            if await self._must_set_up(sale):
                await self.set_up_gate(code, sale.epoch)
        elif sale.state in UNFINISHED and self._has_stopped(sale) and not await self._is_missed(sale):
            await self._finish(sale)

    async def _miss(self, sale: FlashSale) -> None:
        """Has Postgres serve a sale whose gate has been away for long enough, or says that it still is."""
        now, code = self.clock(), sale.flash_sale_code
        said_again = now < self._missed_at.get(code, -inf) + MISSED_AGAIN_S
        if now < self._away_since[code] + self.gate_away_s_max or said_again:
            return
        self._missed_at[code] = now
        if await self.ledger.go_without_gate(code, sale.epoch):
            self.sales.forget(shown_code(code))
            self.sales.forget(code)
            _LOG.error("gate stays away, Postgres serves the sale", flash_sale_code=code)

    async def _is_missed(self, sale: FlashSale) -> bool:
        """Whether Postgres serves the sale, and somebody has missed its gate not long ago."""
        if not sale.on_postgres:
            return False
        return await self.ledger.gate_missed_within(sale.flash_sale_code, self.gate_steady_s)

    def _has_stopped(self, sale: FlashSale) -> bool:
        """Whether nobody has got any further with opening, recovering or closing the sale for a while."""
        now, code = self.clock(), sale.flash_sale_code
        work = self._work.get(code) or _Work(sale.epoch, now, self.patience_s)
        if work.epoch != sale.epoch:
            work = replace(work, epoch=sale.epoch, since=now)
        self._work[code] = work
        return now - work.since >= work.patience_s

    async def _finish(self, sale: FlashSale) -> None:
        """Takes the work over. Who is overtaken gives more time next, so that replicas do not fence each other off
        for ever."""
        code = sale.flash_sale_code
        work = self._work[code]
        if sale.state is FlashSaleState.CLOSING:
            finished = await self.close.attempt(code)
        else:
            finished = await self.set_up_gate(code, sale.epoch)
        if not finished:
            self._work[code] = replace(work, patience_s=min(PATIENCE_S_MAX, 2 * work.patience_s))

    async def _must_set_up(self, sale: FlashSale) -> bool:
        """Whether the gate is shut, has lost what it knew, or has disagreed several looks in a row."""
        code = sale.flash_sale_code
        look = await self._look(code)
        if look is None:
            status = await self.gate.status(code)
            return not status.armed or status.epoch != sale.epoch
        gate, found = look
        if not gate.armed or gate.epoch != sale.epoch:
            return True
        return self._has_lost(code, gate) or self._gap_stays(code, found)

    def _has_lost(self, code: str, gate: GateStanding) -> bool:
        """Whether entries of the journal are missing, or it counts from where it was before: a suffix was lost."""
        epoch, seq = self._seqs.get(code, (gate.epoch, 0))
        self._seqs[code] = (gate.epoch, gate.seq)
        lost = not gate.unbroken or (epoch == gate.epoch and gate.seq < seq)
        if lost:
            _RECONCILED.labels(code).inc()
            _LOG.error("journal has lost entries", flash_sale_code=code, seq=gate.seq, seen=seq)
        return lost

    def _gap_stays(self, code: str, gap: Gap) -> bool:
        """Whether the gate's units have disagreed with Postgres in the same way several looks in a row."""
        before, times = self._gaps.get(code, ((), 0))
        times = times + 1 if gap and gap == before else int(bool(gap))
        self._gaps[code] = (gap, times)
        if times < GAPS_BEFORE_REPAIR:
            return False
        _RECONCILED.labels(code).inc()
        _LOG.error("gate and escrow disagree", flash_sale_code=code, gap=gap)
        self._gaps.pop(code)
        return True

    async def _look(self, code: str) -> tuple[GateStanding, Gap] | None:
        """The gate, and units in it beyond what Postgres has free, per SKU; None when there was no still moment.

        Under load Postgres changes with every group commit, which leaves room enough for a look between two.
        """
        for _ in range(LOOKS_MAX):
            before = await self.ledger.standing(code)
            owed = [*(hold for hold, _ in before.credits), *(added for added, _, _ in before.additions)]
            if len(owed) > OWED_MAX:
                return None
            gate = await self.gate.reckon(code, owed)
            if gate is None:
                return None
            after = await self.ledger.standing(code, gate.on_the_way)
            if before.unchanged(after):
                return gate, tuple(gap(gate, after).items())
        return None
