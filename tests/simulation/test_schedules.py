"""The protocol's own code under a seeded scheduler: crashes, lost suffixes, reordering, clock steps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from lumbung_dev.simulation import report
from lumbung_dev.simulation.memory_gate import MemoryGate
from lumbung_dev.simulation.memory_ledger import EPOCH_START, MemoryLedger
from lumbung_dev.simulation.schedule import play
from lumbung_stock.domain.answers import decided
from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale
from lumbung_stock.domain.reservation_failures import GateNotReady, HoldLost
from lumbung_stock.domain.reservations import Reservation, ReservationState, Resolution
from lumbung_stock.domain.resolve import EscrowChange
from lumbung_stock.stores.gate import GateAnswer, RawEntry
from lumbung_stock.stores.journal_codec import Outcome
from lumbung_stock.usecases import reserve_on_sale
from lumbung_stock.usecases.close_ended_sales import CloseEndedSales
from lumbung_stock.usecases.commit_journal import CommitJournal
from lumbung_stock.usecases.reserve_on_sale import ReserveOnSale, held_at_once
from lumbung_stock.usecases.resolve_soft_too import ResolveSoftToo, SoftHolds
from lumbung_stock.usecases.set_up_gate import SetUpGate

SEEDS = 100
SEEDS_TO_FIND = 500


@pytest.fixture(autouse=True)
def _quiet() -> None:
    report.silence()


@pytest.mark.parametrize("first", range(0, SEEDS, 25))
def test_every_promise_is_kept_whatever_happens(first: int) -> None:
    for seed in range(first, first + 25):
        story = play(seed)
        assert not story.broken, f"seed {seed}: {story.broken}\n" + "\n".join(story.diary)


def test_the_stories_are_worth_telling() -> None:
    """Somebody holds, somebody is refused, and most of what can go wrong does."""
    told = "\n".join(line for seed in range(40) for line in play(seed).diary)
    for word in (
        "HELD",
        "REFUSED",
        "CONFIRMED",
        "RELEASED",
        "EXPIRED",
        "loses its tail",
        "is killed",
        "closed",
    ):
        assert word in told


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    program = "from lumbung_dev.simulation import report, schedule; report.silence(); print(schedule.play(7))"
    stories = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert len(stories) == 1


# Each guard left out in turn; a simulation that cannot find that is no proof of anything.


def no_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = MemoryLedger.settle

    def unfenced(self: MemoryLedger, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        return settle(self, code, self.sale.epoch, carts)

    monkeypatch.setattr(MemoryLedger, "settle", unfenced)


def acknowledge_first(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = CommitJournal.__call__

    async def acknowledged(self: CommitJournal, code: str, epoch: int, entries: Sequence[RawEntry]) -> None:
        await self.gate.acknowledge(code, [(number, fields.get("hold", "")) for number, fields in entries])
        await commit(self, code, epoch, entries)

    monkeypatch.setattr(CommitJournal, "__call__", acknowledged)


def recover_without_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    async def freeze_only(self: SetUpGate, code: str, epoch: int) -> bool:
        return await self.gate.freeze(code, epoch)

    monkeypatch.setattr(SetUpGate, "drain", freeze_only)


def blind_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    credit = MemoryGate.credit

    def forgetful(self: MemoryGate, code: str, epoch: int, holds: Sequence[tuple[UUID, Any]]) -> bool:
        before = dict(self._now.holds)
        done = credit(self, code, epoch, holds)
        self._now.holds.update(before)
        return done

    monkeypatch.setattr(MemoryGate, "credit", forgetful)


def no_credit_for_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    settle, owe = MemoryLedger.settle, MemoryLedger._owe

    def stingy(self: MemoryLedger, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        monkeypatch.setattr(MemoryLedger, "_owe", lambda *_: None)
        try:
            return settle(self, code, epoch, carts)
        finally:
            monkeypatch.setattr(MemoryLedger, "_owe", owe)

    monkeypatch.setattr(MemoryLedger, "settle", stingy)


def answer_from_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hasty(
        self: ReserveOnSale, cart: Cart, sale: FlashSale, *, last_word: bool = True
    ) -> Reservation:
        answer = await self.gate.reserve(sale, cart, last_word=last_word)
        if answer.outcome is not Outcome.HELD or answer.hold_id is None:
            raise GateNotReady
        return decided(replace(cart, reservation_id=answer.hold_id), (), (EPOCH_START, EPOCH_START))

    monkeypatch.setattr(ReserveOnSale, "__call__", hasty)


def decrement_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    settle = MemoryLedger.settle

    def greedy(self: MemoryLedger, code: str, epoch: int, carts: Sequence[Cart]) -> dict[str, Reservation]:
        known = self.find_answers([cart.request_id for cart in carts])
        answers = settle(self, code, epoch, carts)
        for row in known.values():
            self._move([EscrowChange(code, draw.sku_code, remaining=-draw.quantity) for draw in row.draws])
        return answers

    monkeypatch.setattr(MemoryLedger, "settle", greedy)


def sell_on_while_the_gate_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, note_armed = MemoryLedger.snapshot, MemoryLedger.note_armed

    def without_end(self: MemoryLedger, code: str, epoch: int) -> Any:
        since = self.sale.on_postgres_since
        found = snapshot(self, code, epoch)
        self.sale = replace(self.sale, on_postgres_since=since)
        return found

    def ended(self: MemoryLedger, code: str, epoch: int) -> None:
        note_armed(self, code, epoch)
        if self.sale.gate_armed:
            self.sale = replace(self.sale, on_postgres_since=None)

    monkeypatch.setattr(MemoryLedger, "snapshot", without_end)
    monkeypatch.setattr(MemoryLedger, "note_armed", ended)


def trust_what_was_set_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryLedger, "has_other_answers", lambda *_: False)


def trust_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryGate, "_is_complete", lambda self: self._now.complete > 0)


def hold_softly_whatever_the_gate_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(cart: Cart, sale: FlashSale, said: GateAnswer) -> Reservation | None:
        return held_at_once(cart, sale, replace(said, complete=True))

    monkeypatch.setattr(reserve_on_sale, "held_at_once", hasty)


def confirm_softly_on_the_gates_word(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(self: SoftHolds, reservation_id: UUID) -> bool:
        return False

    monkeypatch.setattr(SoftHolds, "_on_its_way", nowhere)


def take_anew_and_never_mind_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def blind(self: ResolveSoftToo, wish: Resolution, again: Cart | None = None) -> Reservation:
        try:
            return await resolve(self, wish, again)
        except HoldLost:
            if again is None:
                raise
            made = decided(again, (), (EPOCH_START, EPOCH_START))
            return replace(made, state=ReservationState.CONFIRMED)

    resolve = ResolveSoftToo.__call__
    monkeypatch.setattr(ResolveSoftToo, "__call__", blind)


def refuse_without_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse = MemoryGate.refuse

    def unwritten(self: MemoryGate, sale: FlashSale, carts: Sequence[Cart]) -> list[GateAnswer]:
        monkeypatch.setattr(MemoryGate, "_journal", staticmethod(lambda *_: None))
        try:
            return refuse(self, sale, carts)
        finally:
            monkeypatch.setattr(MemoryGate, "_journal", staticmethod(journal))

    journal = MemoryGate._journal
    monkeypatch.setattr(MemoryGate, "refuse", unwritten)


def let_ended_sales_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(self: CloseEndedSales) -> int:
        return 0

    monkeypatch.setattr(CloseEndedSales, "__call__", nobody)


@pytest.mark.parametrize(
    ("leave_out", "only"),
    [
        (no_fence, "sleeps_through_a_recovery"),
        (acknowledge_first, ""),
        (recover_without_drain, ""),
        (blind_credit, ""),
        (no_credit_for_what_was_refused, ""),
        (answer_from_the_gate, ""),
        (decrement_duplicates, ""),
        (sell_on_while_the_gate_is_installed, "alone_does_not_reach_valkey"),
        (trust_what_was_set_up_anew, ""),
        (trust_after_a_restart, "loses_its_tail"),
        (hold_softly_whatever_the_gate_knows, ""),
        (confirm_softly_on_the_gates_word, ""),
        (take_anew_and_never_mind_the_answer, "loses_everything"),
        (refuse_without_a_journal, ""),
        (let_ended_sales_be, ""),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_guard_that_is_left_out_is_missed(
    monkeypatch: pytest.MonkeyPatch, leave_out: Callable[[pytest.MonkeyPatch], None], only: str
) -> None:
    """`only`: the fault that it guards against, where all together are too rarely in its way."""
    leave_out(monkeypatch)
    assert any(play(seed, only).broken for seed in range(SEEDS_TO_FIND)), "nobody noticed"
