"""The gate in memory, step by step what the scripts do, with what a server may forget."""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from uuid import UUID

from lumbung_stock.domain.carts import Cart
from lumbung_stock.domain.flash_sales import FlashSale, Taken
from lumbung_stock.domain.reckoning import GateStanding
from lumbung_stock.domain.reservations import Durability
from lumbung_stock.stores.gate import GateAnswer, GateStatus, RawEntry
from lumbung_stock.stores.journal_codec import Outcome, encode, split

REMEMBERED_STATES = 40
"""How many calls back a server may come to itself after it lost its tail."""

Request = tuple[bytes, Outcome, UUID]
Hold = tuple[str, tuple[tuple[str, int, bool], ...]]


@dataclass
class _State:
    """One sale's keys."""

    armed: bool = False
    epoch: int = 0
    seq: int = 0
    complete: int = 0
    """The server's run that armed the gate with every request that was ever answered in the sale; 0: not with all."""
    free: dict[str, int] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    customers: dict[tuple[str, str], int] = field(default_factory=dict)
    journal: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def copied(self) -> _State:
        twin = copy(self)
        twin.free, twin.requests, twin.holds = dict(self.free), dict(self.requests), dict(self.holds)
        twin.customers, twin.journal = dict(self.customers), dict(self.journal)
        return twin


class MemoryGate:
    """What SaleGate promises, of one sale, without its waiting: each method is one atomic call."""

    def __init__(self, *, journal_max: int = 1_000) -> None:
        self._journal_max = journal_max
        self._now = _State()
        self._before: deque[_State] = deque(maxlen=REMEMBERED_STATES)
        self.has_lost = False
        """Something that no freeze has followed yet."""
        self.forgotten: set[str] = set()
        """Requests that it had decided, and lost, or was given up with, before anybody read them."""
        self._run = 1

    # What may befall it

    def lose_tail(self, rng: random.Random) -> None:
        """It comes back as it was some calls ago."""
        if self._before:
            back = rng.randint(1, len(self._before))
            self._come_back(self._before[-back].copied())

    def lose_everything(self) -> None:
        """It comes back empty."""
        self._come_back(_State())

    def give_up(self) -> None:
        """The sale goes on without it: what its journal has is settled one day, after whatever was decided since."""
        self._forget(self._now.journal.keys())

    # SaleGate

    def reserve(self, sale: FlashSale, cart: Cart, *, last_word: bool = True) -> GateAnswer:
        """reserve.lua."""
        state = self._now
        if not state.armed or state.epoch != sale.epoch:
            return GateAnswer(Outcome.NOT_ARMED, None)
        if seen := state.requests.get(cart.request_id):
            content, outcome, hold = seen
            if content != cart.content_hash:
                return GateAnswer(Outcome.REQUEST_REUSED, None)
            return GateAnswer(outcome, hold)
        if len(state.journal) >= self._journal_max:
            return GateAnswer(Outcome.JOURNAL_FULL, None)
        if not last_word and self._is_short(sale, cart):
            return GateAnswer(Outcome.OUT_OF_STOCK, None)
        return self._decide(sale, cart)

    def refuse(self, sale: FlashSale, carts: Sequence[Cart]) -> list[GateAnswer]:
        """refuse.lua."""
        if not self._now.armed or self._now.epoch != sale.epoch:
            return [GateAnswer(Outcome.NOT_ARMED, None) for _ in carts]
        state, full = self._change(), len(self._now.journal) >= self._journal_max
        available = {item.sku_code: state.free.get(item.sku_code, 0) for item in sale.items}
        answers, outcomes = [], []
        for cart in carts:
            outcome = Outcome.LEFT_ALONE
            if seen := state.requests.get(cart.request_id):
                answer = GateAnswer(seen[1], seen[2])
                if seen[0] != cart.content_hash:
                    answer = GateAnswer(Outcome.REQUEST_REUSED, None)
            elif (outcome := self._judged(sale, cart)) is Outcome.HELD:
                outcome, answer = Outcome.LEFT_ALONE, GateAnswer(Outcome.LEFT_ALONE, None)
            elif full:
                outcome, answer = Outcome.LEFT_ALONE, GateAnswer(Outcome.JOURNAL_FULL, None)
            else:
                answer = GateAnswer(outcome, cart.reservation_id)
                state.requests[cart.request_id] = (cart.content_hash, outcome, cart.reservation_id)
            answers.append(replace(answer, available=available))
            outcomes.append(str(int(outcome)))
        if any(outcome != "0" for outcome in outcomes):
            self._journal(
                state,
                sale,
                carts[0],
                {
                    "holds": ",".join(str(cart.reservation_id) for cart in carts),
                    "outcomes": ",".join(outcomes),
                    "available": _told(available),
                    "body": "\n".join(map(encode, carts)),
                },
            )
        return answers

    def freeze(self, code: str, epoch: int) -> bool:
        """freeze_gate.lua."""
        if self._now.epoch > epoch:
            return False
        state = self._change()
        state.armed, state.epoch = False, epoch
        self.has_lost = False
        return True

    def install(self, sale: FlashSale, taken: Sequence[Taken]) -> bool:
        """install_gate.lua, all its parts at once."""
        if self._now.armed or self._now.epoch != sale.epoch:
            return False
        state = self._change()
        state.free = {item.sku_code: item.remaining for item in sale.items}
        state.requests, state.holds, state.customers = {}, {}, {}
        limited = {item.sku_code for item in sale.items if item.limit_per_customer}
        for hold, request_id, content_hash, customer, units in taken:
            state.requests[request_id] = (content_hash, Outcome.HELD, hold)
            if draws := tuple((sku, quantity, sku in limited) for sku, quantity in units):
                state.holds[hold] = (customer, draws)
                self._count(state, customer, draws, 1)
        return True

    def arm(self, code: str, epoch: int, *, complete: bool = False) -> bool:
        """arm_gate.lua."""
        if self._now.epoch != epoch:
            return False
        if not self._now.armed:
            state = self._change()
            state.armed, state.seq, state.complete = True, 0, self._run if complete else 0
        return True

    def credit(self, code: str, epoch: int, holds: Sequence[tuple[UUID, Mapping[str, int]]]) -> bool:
        """credit_gate.lua."""
        if not self._now.armed or self._now.epoch != epoch:
            return False
        state = self._change()
        for hold_id, kept in holds:
            if hold := state.holds.pop(hold_id, None):
                self._keep_just(state, hold_id, hold, kept)
        return True

    def extend(self, code: str, epoch: int, extensions: Sequence[tuple[UUID, str, int]]) -> bool:
        """extend_gate.lua."""
        if not self._now.armed or self._now.epoch != epoch:
            return False
        state = self._change()
        for extension_id, sku, units in extensions:
            if extension_id not in state.holds:
                state.holds[extension_id] = ("", ())
                state.free[sku] = state.free.get(sku, 0) + units
        return True

    def read_journal(self, code: str, count: int, wait_s: float = 0.0, *, after: str = "") -> list[RawEntry]:
        """The oldest entries."""
        return sorted(entry for entry in self._now.journal.items() if entry[0] > after)[:count]

    def acknowledge(self, code: str, entries: Sequence[tuple[str, str]]) -> None:
        """ack_journal.lua."""
        state = self._change()
        for entry, _ in entries:
            state.journal.pop(entry, None)

    def decided(self) -> list[str]:
        """Requests that it remembers a decision on."""
        return sorted(self._now.requests)

    def backlog(self, code: str) -> int:
        """Entries in the journal."""
        return len(self._now.journal)

    def has_hold(self, code: str, hold_id: UUID) -> bool:
        """Whether units are set aside under this id."""
        return hold_id in self._now.holds

    def status(self, code: str) -> GateStatus:
        """Armed or not, and its epoch."""
        return GateStatus(self._now.armed, self._now.epoch)

    def reckon(self, code: str, ids: Sequence[UUID]) -> GateStanding | None:
        """reckon_gate.lua."""
        state = self._now
        seqs = [
            int(fields["seq"]) for fields in state.journal.values() if fields["epoch"] == str(state.epoch)
        ]
        unbroken = not seqs or seqs == list(range(seqs[0], state.seq + 1))
        granted = [UUID(fields["hold"]) for fields in state.journal.values() if fields.get("outcome") == "1"]
        records = {
            each: {sku: units for sku, units, _ in state.holds[each][1]}
            for each in (*granted, *ids)
            if each in state.holds
        }
        return GateStanding(state.armed, state.epoch, state.seq, unbroken, dict(state.free), granted, records)

    def free_units(self, code: str) -> dict[str, int]:
        """What it may still give."""
        return dict(self._now.free)

    def remove(self, code: str) -> None:
        """Forgets the sale."""
        self._now = _State()

    def unsafe_settings(self) -> list[str]:
        """None."""
        return []

    # How

    def _change(self) -> _State:
        """The state to write to; the one before can still come back."""
        self._before.append(self._now)
        self._now = self._now.copied()
        return self._now

    def _come_back(self, state: _State) -> None:
        """As another run of the server, with less than there was."""
        self._forget(self._now.journal.keys() - state.journal.keys())
        self._now = state
        self._before.clear()
        self._run += 1
        self.has_lost = True

    def _forget(self, entries: Iterable[str]) -> None:
        for entry in entries:
            self.forgotten.update(json.loads(part["body"])[0] for part in split(self._now.journal[entry]))

    def _is_complete(self) -> bool:
        return self._now.complete == self._run

    def _judged(self, sale: FlashSale, cart: Cart) -> Outcome:
        """What this cart gets of what there is."""
        state, outcome = self._now, Outcome.HELD
        for sku, units, limit in _wanted(sale, cart):
            if limit and state.customers.get((cart.customer_reference, sku), 0) + units > limit:
                outcome = Outcome.LIMIT_REACHED
            elif state.free.get(sku, 0) < units and outcome is Outcome.HELD:
                outcome = Outcome.OUT_OF_STOCK
        return outcome

    def _decide(self, sale: FlashSale, cart: Cart) -> GateAnswer:
        state, outcome, wanted = self._change(), self._judged(sale, cart), _wanted(sale, cart)
        available = {sku: state.free.get(sku, 0) for sku, _, _ in wanted}
        if outcome is Outcome.HELD:
            draws = tuple((sku, units, limit > 0) for sku, units, limit in wanted)
            for sku, units, _ in draws:
                state.free[sku] -= units
            state.holds[cart.reservation_id] = (cart.customer_reference, draws)
            self._count(state, cart.customer_reference, draws, 1)
        state.requests[cart.request_id] = (cart.content_hash, outcome, cart.reservation_id)
        self._journal(
            state,
            sale,
            cart,
            {
                "hold": str(cart.reservation_id),
                "outcome": str(int(outcome)),
                "available": _told(available),
                "body": encode(cart),
            },
        )
        asked = outcome is Outcome.HELD and cart.durability is Durability.SOFT
        return GateAnswer(outcome, cart.reservation_id, available, complete=asked and self._is_complete())

    def _is_short(self, sale: FlashSale, cart: Cart) -> bool:
        items = sale.item_by_sku()
        return any(self._now.free.get(sku, 0) < units for sku, units in cart.demand().items() if sku in items)

    def _keep_just(self, state: _State, hold_id: UUID, hold: Hold, kept: Mapping[str, int]) -> None:
        """What a hold has here never grows."""
        customer, draws = hold
        left = tuple((sku, min(units, kept.get(sku, 0)), limited) for sku, units, limited in draws)
        back = tuple(
            (sku, units - keeps, limited)
            for (sku, units, limited), (_, keeps, _) in zip(draws, left, strict=True)
        )
        for sku, units, _ in back:
            state.free[sku] += units
        self._count(state, customer, back, -1)
        if any(units for _, units, _ in left):
            state.holds[hold_id] = (customer, left)

    @staticmethod
    def _count(state: _State, customer: str, draws: Sequence[tuple[str, int, bool]], sign: int) -> None:
        for sku, units, limited in draws:
            if limited:
                state.customers[customer, sku] = state.customers.get((customer, sku), 0) + sign * units

    @staticmethod
    def _journal(state: _State, sale: FlashSale, cart: Cart, fields: Mapping[str, str]) -> None:
        """Under an id that grows with epoch and number, and names the hold."""
        state.seq += 1
        entry_id = f"{sale.epoch * 1_000_000 + state.seq:012}-{cart.reservation_id.int % 2**64}"
        state.journal[entry_id] = {"epoch": str(sale.epoch), "seq": str(state.seq), **fields}

    def __repr__(self) -> str:
        return json.dumps({"armed": self._now.armed, "epoch": self._now.epoch, "free": self._now.free})


def _wanted(sale: FlashSale, cart: Cart) -> list[tuple[str, int, int]]:
    """SKUs on sale with the units that the cart wants, and the limit per customer."""
    items = sale.item_by_sku()
    return [
        (sku, units, items[sku].limit_per_customer)
        for sku, units in sorted(cart.demand().items())
        if sku in items
    ]


def _told(available: Mapping[str, int]) -> str:
    return ",".join(f"{sku}={units}" for sku, units in available.items())
