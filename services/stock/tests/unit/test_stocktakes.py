"""What counts say of a line, whatever moved meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.places import Bin, BinKind
from lumbung_stock.domain.stocktake_failures import SamePerson, StocktakeWrongState
from lumbung_stock.domain.stocktakes import (
    Scan,
    Scope,
    Shift,
    Stocktake,
    StocktakeState,
    Verdict,
    is_counted_again,
    judge,
    judge_part,
    last_of_each,
    parts_of,
    ranked,
    walk_order,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NONE = timedelta()


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def scan(units: int, minute: float = 0, counter: str = "terminal:1", round_: int = 1, name: str = "") -> Scan:
    return Scan("A-01", "CUP", units, at(minute), name or f"s-{counter}-{minute}-{round_}", counter, round_)


def count(state: StocktakeState = StocktakeState.REVIEW) -> Stocktake:
    return Stocktake(
        UUID(int=1), Scope("JKT1"), "yearly", state, 1, True, NONE, 0, NOON, NOON, "staff:boss"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("counted", "present", "shifts", "ledger", "verdict"),
    [
        (5, 5, [], 5, Verdict.EQUAL),
        (4, 5, [], 5, Verdict.DIFFERENT),
        (5, 3, [Shift(at(1), -2)], 5, Verdict.EQUAL),  # picked after the scan
        (3, 3, [Shift(at(-1), -2)], 3, Verdict.EQUAL),  # picked before it
        (5, 9, [Shift(at(2), 4)], 5, Verdict.EQUAL),  # came after it
        (7, 3, [Shift(at(1), -2)], 5, Verdict.DIFFERENT),
        (
            0,
            1,
            [Shift(at(1), -4)],
            5,
            Verdict.IMPOSSIBLE,
        ),  # 4 were taken out of a bin that was said to be empty
    ],
)
def test_a_count_is_laid_beside_the_book_at_its_scan(
    counted: int, present: int, shifts: list[Shift], ledger: int, verdict: Verdict
) -> None:
    judged = judge([scan(counted)], present, shifts, NONE)
    assert (judged.ledger_quantity, judged.counted_quantity, judged.verdict) == (ledger, counted, verdict)


def of_lot(
    lot: str | None, units: int, minute: float = 0, counter: str = "terminal:1", round_: int = 1
) -> Scan:
    return replace(scan(units, minute, counter, round_, f"{lot}-{counter}-{minute}-{round_}"), lot=lot)


@pytest.mark.parametrize(
    ("scans", "parts"),
    [
        ([scan(5)], [None]),
        ([of_lot("A", 3), of_lot("", 1), of_lot("B", 2)], ["", "A", "B"]),
        ([of_lot("A", 3), scan(5, 1)], [None]),  # the same counter's later way
        ([scan(5), of_lot("A", 3, 1)], ["A"]),
        ([of_lot("A", 3), scan(5, 1, round_=2)], [None]),  # the last round decides
        ([of_lot("A", 3), of_lot("B", 3, round_=2)], ["B"]),
        ([of_lot("A", 3), of_lot("B", 3, counter="terminal:2")], ["A", "B"]),
    ],
)
def test_a_line_is_counted_by_lot_or_it_is_not(scans: list[Scan], parts: list[str | None]) -> None:
    found = parts_of(scans)
    assert [(part.key[2], part.at_odds) for part in found] == [(lot, False) for lot in parts]


def test_who_counts_by_lot_and_who_does_not_disagree() -> None:
    (part,) = parts_of([of_lot("A", 5), scan(5, counter="terminal:2")])
    judged = judge_part(part, 5, [], NONE)
    assert (judged.verdict, judged.lot, is_counted_again(judged, 2)) == (Verdict.DISAGREED, None, True)


@given(
    counted=st.integers(0, 50),
    start=st.integers(0, 50),
    moves=st.lists(st.tuples(st.integers(-60, 60), st.integers(-5, 5)), max_size=8),
)
def test_the_difference_does_not_depend_on_when_it_is_looked_at(
    counted: int, start: int, moves: list[tuple[int, int]]
) -> None:
    """What moves later shifts the book and what is there alike."""
    differences = set()
    for seen in range(len(moves) + 1):
        shifts = [Shift(at(minute), units) for minute, units in moves[:seen]]
        present = start + sum(shift.difference for shift in shifts)
        later = [minute for minute, _ in moves[seen:]]
        if all(minute > 0 for minute in later):
            differences.add(judge([scan(counted)], present, shifts, NONE).difference)
    assert len(differences) <= 1


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(1.5, Verdict.EQUAL), (1.0, Verdict.MOVED), (-0.5, Verdict.MOVED)]
)
def test_a_line_that_moved_close_to_its_scan_is_uncertain(minutes: float, verdict: Verdict) -> None:
    shift = Shift(at(minutes), -1)
    present = 4 if minutes > 0 else 5
    assert judge([scan(5)], present, [shift], timedelta(minutes=1)).verdict is verdict


def test_counters_agree_when_their_differences_do() -> None:
    """One counted before a pick and one after it."""
    scans = [scan(5, 0, "terminal:1"), scan(3, 2, "terminal:2")]
    assert judge(scans, 3, [Shift(at(1), -2)], NONE).verdict is Verdict.EQUAL
    scans = [scan(5, 0, "terminal:1"), scan(5, 2, "terminal:2")]
    assert judge(scans, 3, [Shift(at(1), -2)], NONE).verdict is Verdict.DISAGREED


def test_the_last_scan_of_a_counter_in_the_last_round_counts() -> None:
    scans = [
        scan(9, 0, "terminal:1"),
        scan(8, 1, "terminal:1"),
        scan(7, 2, "terminal:2", 2, "first"),
        scan(6, 2, "terminal:2", 2, "second"),
    ]
    assert [each.counted_quantity for each in last_of_each(scans[:2])] == [8]
    assert [each.scan_id for each in last_of_each(scans)] == ["second"]
    late = scan(5, 1.5, "terminal:2", 2, "arrived late")
    assert [each.scan_id for each in last_of_each([*scans, late])] == ["second"]


@pytest.mark.parametrize(
    ("verdict", "round_", "again"),
    [
        (Verdict.EQUAL, 1, False),
        (Verdict.DIFFERENT, 1, True),
        (Verdict.DIFFERENT, 2, False),
        (Verdict.MOVED, 2, True),
        (Verdict.DISAGREED, 3, True),
        (Verdict.IMPOSSIBLE, 2, True),
    ],
)
def test_what_is_counted_again(verdict: Verdict, round_: int, again: bool) -> None:
    judged = judge([scan(5)], 5, [], NONE)
    object.__setattr__(judged, "verdict", verdict)
    assert is_counted_again(judged, round_) is again


@pytest.mark.parametrize("approver", ["staff:boss", "terminal:1"])
def test_who_opened_or_counted_does_not_approve(approver: str) -> None:
    with pytest.raises(SamePerson):
        count().require_other(approver, ["terminal:1", "terminal:2"])
    count().require_other("staff:other", ["terminal:1", "terminal:2"])


def test_a_count_in_another_state_is_refused_and_says_in_which() -> None:
    with pytest.raises(StocktakeWrongState) as refused:
        count(StocktakeState.APPROVED).require(StocktakeState.REVIEW)
    assert refused.value.metadata == {"state": "APPROVED"}


def test_bins_are_walked_up_one_aisle_and_down_the_next_fast_movers_first_if_wanted() -> None:
    bins = [
        Bin(f"B{aisle}-{metre}", BinKind.PICK, "", aisle, metre, 0, 1) for aisle in (1, 0) for metre in (1, 9)
    ]
    walk = walk_order(bins)
    assert walk == ["B0-1", "B0-9", "B1-9", "B1-1"]
    lines = [("B1-1", "FAST"), ("B0-9", "CUP"), ("B0-1", "CUP"), ("B0-1", "CAP"), ("B1-9", "")]
    assert ranked(lines, walk, {}) == [
        ("B0-1", "CAP"), ("B0-1", "CUP"), ("B0-9", "CUP"), ("B1-9", ""), ("B1-1", "FAST")
    ]  # fmt: skip
    assert ranked(lines, walk, {"FAST": 7, "CUP": 1})[:3] == [
        ("B1-1", "FAST"), ("B0-1", "CUP"), ("B0-9", "CUP")
    ]  # fmt: skip


def test_a_scope_has_the_bins_of_its_zones_and_codes() -> None:
    cold = Bin("A-01", BinKind.PICK, "cold", 0, 1, 0, 1)
    assert Scope("JKT1").has(cold)
    assert Scope("JKT1", zones=("cold",), bin_codes=("A-01",)).has(cold)
    assert not Scope("JKT1", zones=("dry",)).has(cold)
    assert not Scope("JKT1", zones=("cold",), bin_codes=("A-02",)).has(cold)
