"""Counts: what they say of a bin, whatever moved meanwhile.

A count is a figure at an instant, its scan. The book's figure at that instant is what the bin holds now, less what
came and went since. Their difference does not depend on when the two are laid beside each other, so it can be booked
whenever the count is approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import IntEnum
from itertools import groupby
from uuid import UUID

from lumbung_stock.domain.places import Bin
from lumbung_stock.domain.stocktake_failures import SamePerson, StocktakeWrongState

LineKey = tuple[str, str]
"""(bin_code, sku_code)"""

PartKey = tuple[str, str, str | None]
"""(bin_code, sku_code, lot): None is all units of the SKU in the bin, whatever their lots; empty those without one."""


class StocktakeState(IntEnum):
    """Where a count stands; numbers as in the contract and the table."""

    COUNTING = 1
    RECOUNTING = 2
    REVIEW = 3
    APPROVED = 4
    ABANDONED = 5


COUNTED_IN = (StocktakeState.COUNTING, StocktakeState.RECOUNTING)
OPEN_IN = (*COUNTED_IN, StocktakeState.REVIEW)


class Verdict(IntEnum):
    """What the counts of a line say; numbers as in the contract and the table."""

    EQUAL = 1
    DIFFERENT = 2
    MOVED = 3
    DISAGREED = 4
    IMPOSSIBLE = 5


CERTAIN = (Verdict.EQUAL, Verdict.DIFFERENT)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted; what is empty restricts nothing."""

    warehouse_code: str
    zones: tuple[str, ...] = ()
    bin_codes: tuple[str, ...] = ()
    sku_codes: tuple[str, ...] = ()

    def has(self, one: Bin) -> bool:
        """Whether a bin of the warehouse is counted."""
        return (not self.zones or one.zone in self.zones) and (
            not self.bin_codes or one.bin_code in self.bin_codes
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """A count that is asked for.

    `fast_movers_days`: how far back one looks for the SKUs that are picked most, which are counted first then; 0: the
    walk alone decides.
    """

    scope: Scope
    title: str
    lock_manual_changes: bool
    fast_movers_days: int
    movement_window: timedelta


@dataclass(frozen=True, slots=True)
class Stocktake:
    """A count."""

    stocktake_id: UUID
    scope: Scope
    title: str
    state: StocktakeState
    round: int
    lock_manual_changes: bool
    movement_window: timedelta
    open_sequence: int
    open_time: datetime
    round_time: datetime
    actor: str
    end_time: datetime | None = None
    end_actor: str = ""
    end_reason: str = ""

    def require(self, *states: StocktakeState) -> None:
        """Raises StocktakeWrongState unless it is in one of these."""
        if self.state not in states:
            raise StocktakeWrongState(metadata={"state": self.state.name})

    def require_round(self, round_: int) -> None:
        """Raises StocktakeWrongState when something was counted for another round; 0 is the present one."""
        if round_ not in (0, self.round):
            raise StocktakeWrongState(metadata={"state": self.state.name, "round": str(self.round)})

    def require_other(self, approver: str, counters: Iterable[str]) -> None:
        """Raises SamePerson when who approves has opened it or counted."""
        if approver == self.actor or approver in set(counters):
            raise SamePerson


@dataclass(frozen=True, slots=True)
class Step:
    """How a count came into a state: in which round, when, by whom, by which request, and why where a reason is asked
    for."""

    state: StocktakeState
    round: int
    step_time: datetime
    actor: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Override:
    """A change by hand that was made in spite of the lock: when, by whom, by which request and why."""

    override_time: datetime
    actor: str
    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What somebody counted of one SKU in one bin, in the order of arrival; `lot` as in PartKey. A lot that nobody has
    received has its last day with it.
    """

    bin_code: str
    sku_code: str
    counted_quantity: int
    scan_time: datetime
    scan_id: str
    counter: str
    round: int
    lot: str | None = None
    expires_on: date | None = None

    @property
    def key(self) -> LineKey:
        """The line that it is about."""
        return self.bin_code, self.sku_code


@dataclass(frozen=True, slots=True)
class Part:
    """What counts say of one lot in a line, or of all its units. `at_odds`: some counted by lot, and others did not."""

    key: PartKey
    scans: tuple[Scan, ...]
    at_odds: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """Units that came into a bin, or left it, since the count was opened: by when it happened."""

    happened: datetime
    difference: int


@dataclass(frozen=True, slots=True)
class Instant:
    """What was known then: the ledger up to an entry, scans up to one in their order of arrival, costs up to a time."""

    sequence: int
    position: int
    time: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """One line: the book at the scan, what was counted, and what that means."""

    bin_code: str
    sku_code: str
    ledger_quantity: int
    counted_quantity: int
    verdict: Verdict
    round: int
    counters: tuple[str, ...]
    lot: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Its place among others; a line is counted by lot or it is not."""
        return self.bin_code, self.sku_code, self.lot or ""

    @property
    def difference(self) -> int:
        """How many more, or fewer, there are than the book says."""
        return self.counted_quantity - self.ledger_quantity


def last_of_each(scans: Iterable[Scan]) -> list[Scan]:
    """Of the last round in which a line was counted, each counter's last scan; `scans` in their order of arrival."""
    last: dict[str, Scan] = {}
    scans = list(scans)
    newest = max((scan.round for scan in scans), default=0)
    for scan in scans:
        before = last.get(scan.counter)
        if scan.round == newest and (before is None or scan.scan_time >= before.scan_time):
            last[scan.counter] = scan
    return sorted(last.values(), key=lambda scan: (scan.scan_time, scan.counter))


def judge(scans: Sequence[Scan], present: int, shifts: Sequence[Shift], window: timedelta) -> Judged:
    """What the scans of one line say. `present` is what its bin holds now, `shifts` what happened since the opening.

    What happened up to a scan is in it, what happened later is not. A movement within the window around a scan may be
    either.
    """
    last = last_of_each(scans)
    final = last[-1]
    differences = {scan.counted_quantity - book_at(scan.scan_time, present, shifts) for scan in last}
    ledger_quantity = book_at(final.scan_time, present, shifts)
    return Judged(
        final.bin_code,
        final.sku_code,
        ledger_quantity,
        final.counted_quantity,
        _verdict(last, differences, present, shifts, window),
        final.round,
        tuple(sorted({scan.counter for scan in last})),
        final.lot,
    )


def parts_of(scans: Sequence[Scan]) -> list[Part]:
    """What the scans of one line are about, in the last round in which it was counted: all its units, or each lot.

    Whoever scans first the one way and then the other has meant the latter.
    """
    newest = max(scan.round for scan in scans)
    of_round = [scan for scan in scans if scan.round == newest]
    by_lot = {
        scan.counter: scan.lot is not None for scan in sorted(of_round, key=lambda scan: scan.scan_time)
    }
    meant = [scan for scan in of_round if (scan.lot is not None) is by_lot[scan.counter]]
    if len(set(by_lot.values())) > 1:
        bare = tuple(scan for scan in meant if scan.lot is None)
        return [Part((*bare[0].key, None), bare, at_odds=True)]
    found: dict[str | None, list[Scan]] = {}
    for scan in meant:
        found.setdefault(scan.lot, []).append(scan)
    return [
        Part((*some[0].key, lot), tuple(some))
        for lot, some in sorted(found.items(), key=lambda item: item[0] or "")
    ]


def judge_part(part: Part, present: int, shifts: Sequence[Shift], window: timedelta) -> Judged:
    """As `judge`; where counters are at odds about what they count, nothing can be said."""
    judged = judge(part.scans, present, shifts, window)
    return replace(judged, verdict=Verdict.DISAGREED) if part.at_odds else judged


def _verdict(
    last: Sequence[Scan], differences: set[int], present: int, shifts: Sequence[Shift], window: timedelta
) -> Verdict:
    if any(is_near(shift, scan.scan_time, window) for scan in last for shift in shifts):
        return Verdict.MOVED
    if len(differences) > 1:
        return Verdict.DISAGREED
    (difference,) = differences
    if present + difference < 0:
        return Verdict.IMPOSSIBLE
    return Verdict.DIFFERENT if difference else Verdict.EQUAL


def book_at(instant: datetime, present: int, shifts: Iterable[Shift]) -> int:
    """What the book said at an instant since the opening."""
    return present - sum(shift.difference for shift in shifts if shift.happened > instant)


def is_near(shift: Shift, instant: datetime, window: timedelta) -> bool:
    """Whether nobody can say which of the two was first. Without a window, the clock says it."""
    return bool(window) and abs(shift.happened - instant) <= window


def is_counted_again(judged: Judged, round_: int) -> bool:
    """After the first round whatever is not as the book has it; after a recount only what is uncertain."""
    return judged.verdict not in CERTAIN or (round_ == 1 and judged.verdict is Verdict.DIFFERENT)


def by_line(scans: Iterable[Scan]) -> dict[LineKey, list[Scan]]:
    """Scans of each line, in their order."""
    ordered = sorted(scans, key=lambda scan: scan.key)
    return {key: list(group) for key, group in groupby(ordered, key=lambda scan: scan.key)}


def walk_order(bins: Iterable[Bin]) -> list[str]:
    """The bins as somebody walks who goes up one aisle and down the next, low levels first."""
    ordered = sorted(bins, key=_walked)
    return [one.bin_code for one in ordered]


def _walked(one: Bin) -> tuple[int, float, int, str]:
    return one.aisle_index, one.y_m if one.aisle_index % 2 == 0 else -one.y_m, one.level, one.bin_code


def ranked(lines: Iterable[LineKey], walk: Sequence[str], picked: Mapping[str, int]) -> list[LineKey]:
    """Lines in the order in which they are offered: the most picked first where `picked` says so, then as one walks."""
    place = {bin_code: index for index, bin_code in enumerate(walk)}
    return sorted(lines, key=lambda line: (-picked.get(line[1], 0), place[line[0]], line[1]))
