"""Judges a run by the clients' recorded history and the final state of Postgres, and by nothing else.

Pure: no service, no gate and no metric is asked, so that a mistake in them cannot excuse itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lumbung_dev.chaos.history import UNKNOWN, Attempt, History, Verb

LEAK_S_MAX = 60.0
"""A unit may be on its way back for so long (L)."""
LOST_HOLD = frozenset({"HOLD_EXPIRED", "HOLD_LOST", "RESERVATION_NOT_FOUND"})
"""Answers to a Confirm that came before the deadline which mean that a durable hold was not kept."""


class Promise(StrEnum):
    """What can be broken, by the letters of the fault matrix and the numbers of the promises."""

    OVERSOLD = "P1 S: never more than there is"
    LOST_CONFIRM = "P2 C: an acknowledged Confirm is never lost"
    LOST_HOLD = "P2 D: an acknowledged durable hold is kept until its deadline"
    CHANGED_ANSWER = "P3: the same request gets the same answer"
    LEAKED = "P4 L: no unit leaks for longer than a minute"
    TWO_WINNERS = "P7: one winner"


@dataclass(frozen=True, slots=True)
class Kept:
    """One reservation in Postgres at the end."""

    reservation_id: str
    state: str
    units: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Truth:
    """The goods under test in Postgres at the end."""

    given: int
    """Units that Lumbung had to give, in all."""
    remaining: int
    """Units that nobody has and nobody could be given when everything had calmed down and somebody asked for them."""
    returned: int
    """Units that went back to ordinary sale."""
    reservations: Mapping[str, Kept]
    read_s: float

    def units_in(self, *states: str) -> int:
        """Units of all reservations in these states."""
        return sum(kept.units for kept in self.reservations.values() if kept.state in states)


@dataclass(frozen=True, slots=True)
class Breach:
    """One promise broken once."""

    promise: Promise
    units: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. Content when nothing was."""

    breaches: tuple[Breach, ...]
    acknowledged_holds: int
    acknowledged_confirms: int
    undecided: int
    """Requests that never got an answer; whatever became of them is allowed."""

    @property
    def content(self) -> bool:
        """Whether every promise was kept."""
        return not self.breaches

    def units(self, *promises: Promise) -> int:
        """Units that these promises were broken for."""
        return sum(breach.units for breach in self.breaches if breach.promise in promises)


def check(history: History, truth: Truth) -> Verdict:
    """Holds what clients were told against what Postgres has."""
    found = [
        *_oversold(history, truth),
        *_lost_confirms(history, truth),
        *_lost_holds(history, truth),
        *_changed_answers(history),
        *_leaked(truth),
        *_two_winners(history),
    ]
    return Verdict(
        tuple(found),
        acknowledged_holds=len(_holds(history)),
        acknowledged_confirms=len({each.reservation_id for each in history.told(Verb.CONFIRM, "CONFIRMED")}),
        undecided=len(_undecided(history)),
    )


def _holds(history: History) -> dict[str, Attempt]:
    """The first durable acknowledgement of each hold: a soft one promises nothing before its Confirm."""
    held: dict[str, Attempt] = {}
    for attempt in history.told(Verb.RESERVE, "HELD"):
        if not attempt.soft:
            held.setdefault(attempt.reservation_id, attempt)
    return held


def _undecided(history: History) -> set[str]:
    asked = {attempt.request_id for attempt in history.attempts}
    return asked - {attempt.request_id for attempt in history.attempts if attempt.told != UNKNOWN}


def _oversold(history: History, truth: Truth) -> Iterator[Breach]:
    """By Postgres' books, and by what clients were promised at any one moment."""
    booked = truth.units_in("HELD", "CONFIRMED", "SHIPPED")
    if booked > truth.given:
        yield Breach(
            Promise.OVERSOLD, booked - truth.given, f"{booked} units are held or sold of {truth.given}"
        )
    beyond = truth.remaining + truth.returned + booked - truth.given
    if booked <= truth.given and beyond > 0:
        yield Breach(Promise.OVERSOLD, beyond, f"{beyond} units are in two places")
    most = _most_promised(history)
    if most > truth.given:
        yield Breach(
            Promise.OVERSOLD, most - truth.given, f"clients had {most} units of {truth.given} at one moment"
        )


def _most_promised(history: History) -> int:
    """The most units that clients were sure to have at once: from hearing of a hold until they asked to have it
    released or its deadline, and for ever once a Confirm was acknowledged; of a soft hold only from its Confirm on."""
    confirmed = {each.reservation_id for each in history.told(Verb.CONFIRM, "CONFIRMED")}
    given_up = {
        each.reservation_id: each.sent_s for each in reversed(history.attempts) if each.verb is Verb.RELEASE
    }
    durable = _holds(history)
    of_soft = {
        each.reservation_id: each
        for each in history.told(Verb.CONFIRM, "CONFIRMED")
        if each.reservation_id not in durable
    }
    steps = [(each.answered_s, each.units) for each in of_soft.values()]
    for reservation_id, hold in durable.items():
        steps.append((hold.answered_s, hold.units))
        if reservation_id not in confirmed:
            end_s = min(hold.deadline_s, given_up.get(reservation_id, hold.deadline_s))
            steps.append((max(end_s, hold.answered_s), -hold.units))
    most = now = 0
    for _, units in sorted(steps):
        now += units
        most = max(most, now)
    return most


def _lost_confirms(history: History, truth: Truth) -> Iterator[Breach]:
    units = {reservation_id: hold.units for reservation_id, hold in _holds(history).items()}
    for reservation_id in {each.reservation_id for each in history.told(Verb.CONFIRM, "CONFIRMED")}:
        kept = truth.reservations.get(reservation_id)
        if kept is None or kept.state not in ("CONFIRMED", "SHIPPED"):
            now = kept.state if kept else "not there"
            yield Breach(Promise.LOST_CONFIRM, units.get(reservation_id, 1), f"{reservation_id} is {now}")


def _lost_holds(history: History, truth: Truth) -> Iterator[Breach]:
    wanted_otherwise = {
        each.reservation_id for each in history.attempts if each.verb in (Verb.CONFIRM, Verb.RELEASE)
    }
    refused = {
        each.reservation_id: each
        for each in history.attempts
        if each.verb is Verb.CONFIRM and each.told in LOST_HOLD
    }
    for reservation_id, hold in _holds(history).items():
        kept = truth.reservations.get(reservation_id)
        late = refused.get(reservation_id)
        if kept is None:
            yield Breach(Promise.LOST_HOLD, hold.units, f"{reservation_id} is not in Postgres")
        elif late is not None and late.answered_s < hold.deadline_s:
            yield Breach(Promise.LOST_HOLD, hold.units, f"{reservation_id}: {late.told} before its deadline")
        elif (
            kept.state != "HELD" and reservation_id not in wanted_otherwise and truth.read_s < hold.deadline_s
        ):
            yield Breach(
                Promise.LOST_HOLD, hold.units, f"{reservation_id} is {kept.state} before its deadline"
            )


def _changed_answers(history: History) -> Iterator[Breach]:
    """A soft hold that Valkey lost is decided anew, once: whatever else its request was told must be one thing."""
    answers: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for attempt in history.attempts:
        if attempt.told != UNKNOWN and not attempt.soft:
            given = attempt.reservation_id if attempt.verb is Verb.RESERVE else ""
            answers[attempt.request_id].add((attempt.told, given))
    for request_id, told in answers.items():
        if len(told) > 1:
            yield Breach(Promise.CHANGED_ANSWER, 0, f"{request_id} was told {sorted(told)}")


def _leaked(truth: Truth) -> Iterator[Breach]:
    taken = truth.units_in("HELD", "CONFIRMED", "SHIPPED")
    gap = truth.given - truth.remaining - truth.returned - taken
    if gap > 0:
        yield Breach(Promise.LEAKED, gap, f"{gap} units of {truth.given} are nowhere")
    if truth.remaining:
        yield Breach(
            Promise.LEAKED, truth.remaining, f"{truth.remaining} units are free and nobody can have them"
        )
    for kept in truth.reservations.values():
        if kept.state == "HELD" and truth.read_s - kept.deadline_s > LEAK_S_MAX:
            yield Breach(Promise.LEAKED, kept.units, f"{kept.reservation_id} outlived its deadline")


def _two_winners(history: History) -> Iterator[Breach]:
    sold = {each.reservation_id for each in history.told(Verb.CONFIRM, "CONFIRMED")}
    back = {
        each.reservation_id
        for each in history.attempts
        if each.verb is Verb.RELEASE and each.told in ("RELEASED", "EXPIRED")
    }
    for reservation_id in sold & back:
        yield Breach(Promise.TWO_WINNERS, 1, f"{reservation_id} was confirmed and given back")
