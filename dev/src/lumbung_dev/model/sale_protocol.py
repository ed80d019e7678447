"""The flash sale's protocol as a small exhaustive model: every order of every step, with crashes in between.

One SKU, a few units, a few requests, each possibly sent twice. What may happen at any moment: Valkey loses what it
had not kept, a committer or recoverer stops or sleeps and goes on later, a commit's outcome stays unknown, somebody
who does not reach Valkey has Postgres serve the sale alone, while others reach it all the time. The steps are those of
the services' use cases (reserve.lua, settle_journal, set_up_gate, credit_gate, resolve_reservations, go_without_gate,
settle_without_gate); a `Variant` leaves one guard out, and the search must then find a broken promise.

Source: the protocol and the list of traps in the design of reservations; docs/invariants.md names the promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeVar

T = TypeVar("T")

HELD, SOLD, GIVEN_BACK, REFUSED = "held", "sold", "given back", "refused"
TAKEN = (HELD, SOLD)


class Variant(Enum):
    """A shape that is known to break, each by leaving out or adding one thing."""

    ANSWER_FROM_GATE = "a durable hold is acknowledged on Valkey alone"
    ACK_BEFORE_COMMIT = "the journal is acknowledged before Postgres has committed"
    COMPENSATE_UNKNOWN = "an unknown COMMIT is compensated"
    DEDUPE_BY_POSITION = "duplicates are found by stream id, not by the hold's own id"
    DECREMENT_DUPLICATES = "`remaining` falls for rows that were not inserted, too"
    NO_BOUND = "the committer trusts the gate and does not look at `remaining`"
    NO_EPOCH_FENCE = "a committer that slept through a recovery is not fenced"
    FREEZE_WITHOUT_EPOCH = (
        "a freeze does not take the epoch, so that nothing at the gate can be compared with it"
    )
    RECOVER_WITHOUT_DRAIN = "a recovery reads Postgres before the journal is drained"
    BLIND_CREDIT = "a credit is added without looking whether the hold was credited"
    CREDIT_ANY_EPOCH = "a credit does not look at the gate's epoch"
    NO_CREDIT_FOR_SECOND_GRANT = "a grant that Postgres ignores is not given back to the gate"
    NO_CREDIT_UNDER_THE_SAME_ID = "a hold that is granted once more, after it was given back, is not credited"
    GATE_SWEEPS = "Valkey's own sweeper returns expired units"
    EXPIRE_UNCHECKED = "expiry is applied without the state check"
    RELEASE_UNKNOWN = "a release that overtakes its reserve leaves no trace"
    EVICTION = "Valkey drops keys under memory pressure"
    REFUSE_FROM_GATE = "a refusal is answered on Valkey alone"
    COMMIT_BEFORE_ARMED = "a committer works under an epoch whose gate is still being set up"
    ALONE_WITHOUT_EPOCH = "Postgres begins to serve a sale alone without a new epoch"
    DECIDE_WHOEVER_SERVES = "Postgres decides alone without looking whether it still serves the sale"
    SELL_WHILE_INSTALLING = (
        "Postgres sells on alone until the gate is armed, not only until it was read for the gate"
    )
    COME_BACK_WITHOUT_DRAIN = "a sale comes back to its gate before the old journal is drained"


class Entry(NamedTuple):
    """One decision in the journal. Its id is made of epoch, number and hold: the number alone comes again after a
    lost suffix, and the hold under a new epoch."""

    epoch: int
    number: int
    hold: int
    granted: bool


class Seen(NamedTuple):
    """What the gate remembers of a request."""

    hold: int
    granted: bool


class Gate(NamedTuple):
    """Valkey."""

    epoch: int
    armed: bool
    free: int
    seen: tuple[Seen | None, ...]
    holds: frozenset[int]
    journal: tuple[Entry, ...]
    last_number: int


class Row(NamedTuple):
    """A reservation in Postgres, by its request."""

    hold: int
    state: str


class Credit(NamedTuple):
    """Units of a hold that the gate has to be told of; a hold can be owed two."""

    number: int
    hold: int


class Ledger(NamedTuple):
    """Postgres. `alone`: it serves the sale without its gate."""

    epoch: int
    armed: bool
    alone: bool
    remaining: int
    rows: tuple[Row | None, ...]
    credits: frozenset[Credit]
    last_committed: int


class Committer(NamedTuple):
    """Somebody with a batch in hand; asleep between any two steps for as long as it pleases."""

    epoch: int
    batch: tuple[Entry, ...]
    committed: bool


class Recoverer(NamedTuple):
    """Somebody who sets the gate up anew."""

    step: str
    epoch: int
    crashes_seen: int
    batch: tuple[Entry, ...]
    free: int
    taken: tuple[Row | None, ...]


class Creditor(NamedTuple):
    """Somebody who tells the gate of a unit given back."""

    credit: Credit
    epoch: int
    credited: bool


class World(NamedTuple):
    """Everything, at one instant. `told` is what each request's caller has heard; `confirmed` and `released` what
    was acknowledged; `kept` is what Valkey would come back with."""

    gate: Gate
    kept: Gate | None
    ledger: Ledger
    committers: tuple[Committer | None, ...]
    recoverers: tuple[Recoverer | None, ...]
    creditor: Creditor | None
    attempts: tuple[int, ...]
    told: tuple[str | None, ...]
    confirmed: tuple[bool, ...]
    released: tuple[bool, ...]
    crashes: int
    recoveries: int
    fallbacks: int
    lost: bool


Step = tuple[str, World]


@dataclass(frozen=True)
class Bounds:
    """How large a world is searched."""

    units: int = 1
    requests: int = 2
    attempts: int = 2
    committers: int = 2
    recoverers: int = 1
    crashes: int = 1
    recoveries: int = 1
    fallbacks: int = 0
    batch: int = 2
    same_hold: bool = False
    """Whether a request is also asked for again under its hold's id, as when its answer is late."""


def opened(bounds: Bounds) -> World:
    """A sale that has just been opened."""
    nothing = (None,) * bounds.requests
    gate = Gate(1, True, bounds.units, nothing, frozenset(), (), 0)
    return World(
        gate=gate,
        kept=gate if bounds.crashes else None,
        ledger=Ledger(1, True, False, bounds.units, nothing, frozenset(), 0),
        committers=(None,) * bounds.committers,
        recoverers=(None,) * bounds.recoverers,
        creditor=None,
        attempts=(0,) * bounds.requests,
        told=nothing,
        confirmed=(False,) * bounds.requests,
        released=(False,) * bounds.requests,
        crashes=0,
        recoveries=0,
        fallbacks=0,
        lost=False,
    )


class Protocol:
    """All steps that a world may take, under one variant or none."""

    def __init__(self, bounds: Bounds, variant: Variant | None = None) -> None:
        self.bounds = bounds
        self.variant = variant

    def steps(self, world: World) -> Iterator[Step]:
        """Every world that may come next."""
        yield from self._callers(world)
        yield from self._committers(world)
        yield from self._recoverers(world)
        yield from self._creditor(world)
        yield from self._alone(world)
        yield from self._valkey(world)

    # What callers do

    def _callers(self, world: World) -> Iterator[Step]:
        for request in range(self.bounds.requests):
            attempts = world.attempts[request]
            if world.gate.armed and attempts < self.bounds.attempts:
                yield f"request {request} is sent", self._reserve(world, request, attempts)
                if attempts and self.bounds.same_hold:
                    again = self._reserve(world, request, attempts - 1)
                    yield f"request {request} is asked for again", again
            row = world.ledger.rows[request]
            if row is None:
                if self.variant is Variant.RELEASE_UNKNOWN and world.gate.seen[request]:
                    yield f"request {request} is released early", _release(world, request)
                continue
            yield from self._resolutions(world, request, row)

    def _resolutions(self, world: World, request: int, row: Row) -> Iterator[Step]:
        answer = REFUSED if row.state == REFUSED else HELD
        if world.told[request] is None:
            yield f"request {request} hears {answer}", _tell(world, request, answer)
        if row.state == HELD:
            yield f"request {request} is confirmed", _confirm(world, request, row)
            yield f"request {request} is given back", self._give_back(world, request, row)
        if row.state == SOLD and self.variant is Variant.EXPIRE_UNCHECKED:
            yield f"request {request} expires", self._give_back(world, request, row)

    def _reserve(self, world: World, request: int, attempt: int) -> World:
        """reserve.lua: one atomic call. A request sent once more has another hold's id; one whose answer is late is
        asked for again under the same."""
        hold = request * 10 + attempt
        world = world._replace(attempts=_put(world.attempts, request, world.attempts[request] + 1))
        gate = world.gate
        seen = gate.seen[request]
        if seen is None:
            granted = gate.free > 0
            seen = Seen(hold, granted)
            number = gate.last_number + 1
            gate = gate._replace(
                free=gate.free - granted,
                seen=_put(gate.seen, request, seen),
                holds=gate.holds | {hold} if granted else gate.holds,
                journal=(*gate.journal, Entry(gate.epoch, number, hold, granted)),
                last_number=number,
            )
            world = world._replace(gate=gate)
        return self._answer_at_once(world, request, seen)

    def _answer_at_once(self, world: World, request: int, seen: Seen) -> World:
        """Nobody is answered before Postgres has the answer, losers neither."""
        if seen.granted and self.variant is Variant.ANSWER_FROM_GATE:
            return _hear(world, request, HELD)
        if not seen.granted and self.variant is Variant.REFUSE_FROM_GATE:
            return _hear(world, request, REFUSED)
        return world

    # What the group commit does

    def _committers(self, world: World) -> Iterator[Step]:
        for index, committer in enumerate(world.committers):
            if committer is None:
                yield from self._take_batch(world, index)
            else:
                yield f"committer {index} dies", _with_committer(world, index, None)
                yield from self._go_on(world, index, committer)

    def _take_batch(self, world: World, index: int) -> Iterator[Step]:
        if not (world.ledger.armed or self.variant is Variant.COMMIT_BEFORE_ARMED):
            return
        for length in range(1, min(self.bounds.batch, len(world.gate.journal)) + 1):
            batch = world.gate.journal[:length]
            taken = _with_committer(world, index, Committer(world.ledger.epoch, batch, committed=False))
            if self.variant is Variant.ACK_BEFORE_COMMIT:
                taken = _acknowledge(taken, batch)
            yield f"committer {index} reads {length}", taken

    def _go_on(self, world: World, index: int, committer: Committer) -> Iterator[Step]:
        if committer.committed:
            done = _with_committer(_acknowledge(world, committer.batch), index, None)
            yield f"committer {index} acknowledges", done
            return
        if committer.epoch != world.ledger.epoch and self.variant is not Variant.NO_EPOCH_FENCE:
            yield f"committer {index} is fenced", _with_committer(world, index, None)
            return
        settled = world._replace(ledger=self._settle(world.ledger, committer.batch))
        yield (
            f"committer {index} commits",
            _with_committer(settled, index, committer._replace(committed=True)),
        )
        if settled.ledger != world.ledger:
            yield (
                f"committer {index} commits and does not learn of it",
                self._unsure(settled, index, committer),
            )

    def _unsure(self, settled: World, index: int, committer: Committer) -> World:
        if self.variant is not Variant.COMPENSATE_UNKNOWN:
            return settled
        for entry in committer.batch:
            settled = _hear(settled, entry.hold // 10, REFUSED)
        return _with_committer(_acknowledge(settled, committer.batch), index, None)

    def _settle(self, ledger: Ledger, batch: tuple[Entry, ...]) -> Ledger:
        """settle_journal: one transaction."""
        for entry in batch:
            if self.variant is Variant.DEDUPE_BY_POSITION:
                if entry.number <= ledger.last_committed:
                    continue
                ledger = ledger._replace(last_committed=entry.number)
            ledger = self._settle_one(ledger, entry)
        return ledger

    def _settle_one(self, ledger: Ledger, entry: Entry) -> Ledger:
        request = entry.hold // 10
        row = ledger.rows[request]
        if row is not None:
            return self._settle_again(ledger, entry, row)
        if not entry.granted:
            return ledger._replace(rows=_put(ledger.rows, request, Row(entry.hold, REFUSED)))
        if ledger.remaining > 0 or self.variant is Variant.NO_BOUND:
            rows = _put(ledger.rows, request, Row(entry.hold, HELD))
            return ledger._replace(rows=rows, remaining=ledger.remaining - 1)
        rows = _put(ledger.rows, request, Row(entry.hold, REFUSED))
        return self._owe(ledger._replace(rows=rows), entry.hold)

    def _settle_again(self, ledger: Ledger, entry: Entry, row: Row) -> Ledger:
        if self.variant is Variant.DECREMENT_DUPLICATES and entry.granted:
            return ledger._replace(remaining=ledger.remaining - 1)
        owed = entry.granted and (row.hold != entry.hold or row.state not in TAKEN)
        if self.variant is Variant.NO_CREDIT_FOR_SECOND_GRANT:
            owed = False
        if self.variant is Variant.NO_CREDIT_UNDER_THE_SAME_ID and row.hold == entry.hold:
            owed = row.state == REFUSED
        if not owed:
            return ledger
        return self._owe(ledger, entry.hold)

    def _give_back(self, world: World, request: int, row: Row) -> World:
        """Release or expiry: one row update, `remaining` in the same transaction, the gate's credit owed."""
        ledger = world.ledger
        rows = _put(ledger.rows, request, row._replace(state=GIVEN_BACK))
        ledger = ledger._replace(rows=rows, remaining=ledger.remaining + 1)
        return world._replace(ledger=self._owe(ledger, row.hold))

    def _owe(self, ledger: Ledger, hold: int) -> Ledger:
        """A second credit for a hold tells nothing new, unless the hold may be granted once more."""
        number = 2 if self.bounds.same_hold and Credit(1, hold) in ledger.credits else 1
        return ledger._replace(credits=ledger.credits | {Credit(number, hold)})

    # What a recovery does

    def _recoverers(self, world: World) -> Iterator[Step]:
        for index, recoverer in enumerate(world.recoverers):
            if recoverer is not None:
                yield f"recoverer {index} dies", _with_recoverer(world, index, None)
                label, after = self._recover(world, index, recoverer)
                yield f"recoverer {index} {label}", after
            elif world.recoveries < self.bounds.recoveries:
                epoch = world.ledger.epoch + 1
                begun = world._replace(
                    ledger=world.ledger._replace(epoch=epoch, armed=False), recoveries=world.recoveries + 1
                )
                new = Recoverer("begun", epoch, world.crashes, (), 0, ())
                yield f"recoverer {index} begins epoch {epoch}", _with_recoverer(begun, index, new)

    def _recover(self, world: World, index: int, recoverer: Recoverer) -> Step:
        """set_up_gate, from one step to the next; overtaken, it gives up."""
        step = {
            "begun": self._freeze,
            "frozen": self._drain,
            "draining": self._commit_drained,
            "committed": _acknowledge_drained,
            "drained": self._read_postgres,
            "knows": self._install,
            "installed": self._arm,
            "armed": self._note_armed,
        }[recoverer.step]
        return step(world, index, recoverer)

    def _freeze(self, world: World, index: int, recoverer: Recoverer) -> Step:
        gate = world.gate
        if self.variant is Variant.FREEZE_WITHOUT_EPOCH:
            gate = gate._replace(armed=False)
        elif gate.epoch > recoverer.epoch:
            return _overtaken(world, index)
        else:
            gate = gate._replace(armed=False, epoch=recoverer.epoch)
        undrained = self.variant is Variant.RECOVER_WITHOUT_DRAIN or (
            self.variant is Variant.COME_BACK_WITHOUT_DRAIN and world.ledger.alone
        )
        step = "drained" if undrained else "frozen"
        after = recoverer._replace(step=step, crashes_seen=world.crashes)
        return "freezes", _with_recoverer(world._replace(gate=gate), index, after)

    def _drain(self, world: World, index: int, recoverer: Recoverer) -> Step:
        batch = world.gate.journal[: self.bounds.batch]
        after = (
            recoverer._replace(step="draining", batch=batch) if batch else recoverer._replace(step="drained")
        )
        return "reads the journal", _with_recoverer(world, index, after)

    def _commit_drained(self, world: World, index: int, recoverer: Recoverer) -> Step:
        if recoverer.epoch != world.ledger.epoch:
            return _overtaken(world, index)
        settled = world._replace(ledger=self._settle(world.ledger, recoverer.batch))
        return "commits", _with_recoverer(settled, index, recoverer._replace(step="committed"))

    def _read_postgres(self, world: World, index: int, recoverer: Recoverer) -> Step:
        """snapshot: from here on the units are the gate's."""
        if recoverer.epoch != world.ledger.epoch:
            return _overtaken(world, index)
        after = recoverer._replace(step="knows", free=world.ledger.remaining, taken=world.ledger.rows)
        sells_on = world.ledger.alone and self.variant is Variant.SELL_WHILE_INSTALLING
        world = world._replace(ledger=world.ledger._replace(alone=sells_on))
        return "reads Postgres", _with_recoverer(world, index, after)

    def _ours(self, gate: Gate, recoverer: Recoverer) -> bool:
        return gate.epoch == recoverer.epoch or self.variant is Variant.FREEZE_WITHOUT_EPOCH

    def _install(self, world: World, index: int, recoverer: Recoverer) -> Step:
        gate = world.gate
        if gate.armed or not self._ours(gate, recoverer):
            return _overtaken(world, index)
        taken = [row if row is not None and row.state in TAKEN else None for row in recoverer.taken]
        gate = gate._replace(
            epoch=world.ledger.epoch if self.variant is Variant.FREEZE_WITHOUT_EPOCH else recoverer.epoch,
            free=recoverer.free,
            seen=tuple(Seen(row.hold, granted=True) if row else None for row in taken),
            holds=frozenset(row.hold for row in taken if row),
        )
        world = world._replace(gate=gate)
        after = _with_recoverer(world, index, recoverer._replace(step="installed"))
        return "installs", after

    def _arm(self, world: World, index: int, recoverer: Recoverer) -> Step:
        if not self._ours(world.gate, recoverer):
            return _overtaken(world, index)
        still_lost = world.lost and recoverer.crashes_seen != world.crashes
        armed = world._replace(gate=world.gate._replace(armed=True), lost=still_lost)
        return "arms", _with_recoverer(armed, index, recoverer._replace(step="armed"))

    def _note_armed(self, world: World, index: int, recoverer: Recoverer) -> Step:
        ours = recoverer.epoch == world.ledger.epoch or self.variant is Variant.FREEZE_WITHOUT_EPOCH
        ledger = world.ledger._replace(armed=world.ledger.armed or ours)
        if self.variant is Variant.SELL_WHILE_INSTALLING:
            ledger = ledger._replace(alone=ledger.alone and not ours)
        return "notes it", _with_recoverer(world._replace(ledger=ledger), index, None)

    # What credits do

    def _creditor(self, world: World) -> Iterator[Step]:
        creditor, gate = world.creditor, world.gate
        if creditor is None:
            for credit in world.ledger.credits:
                new = Creditor(credit, world.ledger.epoch, credited=False)
                yield f"a credit for {credit.hold} is due", world._replace(creditor=new)
            return
        yield "the creditor dies", world._replace(creditor=None)
        if creditor.credited:
            ledger = world.ledger._replace(credits=world.ledger.credits - {creditor.credit})
            yield "the credit is forgotten", world._replace(ledger=ledger, creditor=None)
        elif self.variant is Variant.CREDIT_ANY_EPOCH or (gate.armed and gate.epoch == creditor.epoch):
            after = creditor._replace(credited=True)
            yield (
                f"{creditor.credit.hold} is credited",
                world._replace(gate=self._credit(gate, creditor), creditor=after),
            )

    def _credit(self, gate: Gate, creditor: Creditor) -> Gate:
        if creditor.credit.hold not in gate.holds and self.variant is not Variant.BLIND_CREDIT:
            return gate
        return gate._replace(free=gate.free + 1, holds=gate.holds - {creditor.credit.hold})

    # What Postgres does alone

    def _alone(self, world: World) -> Iterator[Step]:
        """go_without_gate, at any moment: that Valkey is away is what one replica sees, and perhaps no other."""
        ledger = world.ledger
        if world.fallbacks < self.bounds.fallbacks and not ledger.alone:
            epoch = ledger.epoch + (self.variant is not Variant.ALONE_WITHOUT_EPOCH)
            alone = ledger._replace(epoch=epoch, armed=False, alone=True)
            begun = world._replace(ledger=alone, fallbacks=world.fallbacks + 1)
            yield "Postgres serves the sale alone", begun
        if ledger.alone or (self.variant is Variant.DECIDE_WHOEVER_SERVES and world.fallbacks):
            for request, attempts in enumerate(world.attempts):
                yield from self._asked_alone(world, request, attempts)

    def _asked_alone(self, world: World, request: int, attempts: int) -> Iterator[Step]:
        if attempts < self.bounds.attempts:
            yield f"request {request} is sent to Postgres", self._decide_alone(world, request, attempts)
            if attempts and self.bounds.same_hold:
                again = self._decide_alone(world, request, attempts - 1)
                yield f"request {request} is asked of Postgres again", again

    def _decide_alone(self, world: World, request: int, attempt: int) -> World:
        """settle_without_gate: one transaction, and its answer."""
        ledger = world.ledger
        row = ledger.rows[request]
        if row is None:
            row = Row(request * 10 + attempt, HELD if ledger.remaining > 0 else REFUSED)
            rows = _put(ledger.rows, request, row)
            ledger = ledger._replace(rows=rows, remaining=ledger.remaining - (row.state == HELD))
        sent = _put(world.attempts, request, world.attempts[request] + 1)
        world = world._replace(ledger=ledger, attempts=sent)
        return _hear(world, request, REFUSED if row.state == REFUSED else HELD)

    # What befalls Valkey

    def _valkey(self, world: World) -> Iterator[Step]:
        if world.kept is not None and world.kept != world.gate:
            yield "Valkey keeps what it has", world._replace(kept=world.gate)
            yield "Valkey loses what it had not kept", self._crash(world, world.kept)
        for hold in world.gate.holds:
            without = world.gate._replace(holds=world.gate.holds - {hold})
            if self.variant is Variant.GATE_SWEEPS:
                yield f"Valkey sweeps {hold}", world._replace(gate=without._replace(free=without.free + 1))
            if self.variant is Variant.EVICTION:
                yield f"Valkey drops {hold}", world._replace(gate=without)

    def _crash(self, world: World, kept: Gate) -> World:
        crashes = world.crashes + 1
        return world._replace(
            gate=kept,
            kept=kept if crashes < self.bounds.crashes else None,
            crashes=crashes,
            lost=True,
        )


def broken_promise(world: World, bounds: Bounds) -> str | None:
    """The first promise that this world breaks, if any."""
    ledger = world.ledger
    taken = sum(row is not None and row.state in TAKEN for row in ledger.rows)
    if ledger.remaining < 0 or taken > bounds.units:
        return "P1: more promised than there is"
    if ledger.remaining + taken != bounds.units:
        return "P4: escrow is not free + held + sold"
    for request in range(bounds.requests):
        if broken := _broken_word(world, request):
            return broken
    return _leak(world) if _at_rest(world) else None


def _broken_word(world: World, request: int) -> str | None:
    """What one caller was told, against what Postgres has."""
    row, told = world.ledger.rows[request], world.told[request]
    state = row.state if row else "unknown"
    if told == HELD and state in ("unknown", REFUSED):
        return f"P2: request {request} was told that it holds a unit, and is {state}"
    if told == REFUSED and state not in ("unknown", REFUSED):
        return f"P3: request {request} was refused, and is {state}"
    if world.confirmed[request] and state != SOLD:
        return f"P2: request {request} was confirmed, and is {state}"
    if world.released[request] and state in TAKEN:
        return f"P7: request {request} was released, and is {state}"
    return None


def _at_rest(world: World) -> bool:
    """Nobody is at work, and nothing was lost that no recovery has looked at since."""
    busy = any(world.committers) or any(world.recoverers) or world.creditor or world.ledger.credits
    ready = (
        world.gate.armed
        and world.ledger.armed
        and world.gate.epoch == world.ledger.epoch
        and not world.gate.journal
    )
    return ready and not busy and not world.lost


def _leak(world: World) -> str | None:
    if world.gate.free != world.ledger.remaining:
        return f"P4: the gate gives {world.gate.free} and Postgres has {world.ledger.remaining}"
    for request, seen in enumerate(world.gate.seen):
        if seen is not None and world.ledger.rows[request] is None:
            return f"P4: the decision on request {request} never reaches Postgres"
    return None


def _put(values: tuple[T, ...], index: int, value: T) -> tuple[T, ...]:
    return (*values[:index], value, *values[index + 1 :])


def _with_committer(world: World, index: int, committer: Committer | None) -> World:
    return world._replace(committers=_put(world.committers, index, committer))


def _with_recoverer(world: World, index: int, recoverer: Recoverer | None) -> World:
    return world._replace(recoverers=_put(world.recoverers, index, recoverer))


def _overtaken(world: World, index: int) -> Step:
    return "is overtaken", _with_recoverer(world, index, None)


def _acknowledge_drained(world: World, index: int, recoverer: Recoverer) -> Step:
    after = recoverer._replace(step="frozen", batch=())
    return "acknowledges", _with_recoverer(_acknowledge(world, recoverer.batch), index, after)


def _acknowledge(world: World, batch: tuple[Entry, ...]) -> World:
    """ack_journal.lua."""
    journal = tuple(entry for entry in world.gate.journal if entry not in batch)
    return world._replace(gate=world.gate._replace(journal=journal))


def _tell(world: World, request: int, answer: str) -> World:
    return world._replace(told=_put(world.told, request, answer))


def _hear(world: World, request: int, answer: str) -> World:
    """An answer beside Postgres'; one that differs from an earlier one stays to be seen by the check."""
    earlier = world.told[request]
    if earlier == HELD and answer == REFUSED:
        return world._replace(told=_put(world.told, request, REFUSED))
    return world if earlier else _tell(world, request, answer)


def _confirm(world: World, request: int, row: Row) -> World:
    rows = _put(world.ledger.rows, request, row._replace(state=SOLD))
    return world._replace(
        ledger=world.ledger._replace(rows=rows), confirmed=_put(world.confirmed, request, value=True)
    )


def _release(world: World, request: int) -> World:
    return world._replace(released=_put(world.released, request, value=True))
