"""Whether a gate and the escrow agree while both are at work."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from lumbung_stock.domain.reckoning import GateStanding, Standing, gap

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
GATE = GateStanding(armed=True, epoch=1, seq=2, unbroken=True, free={"A": 5, "B": 2})
ESCROW = Standing(remaining={"A": 5, "B": 2})


def test_what_is_free_on_both_sides_agrees() -> None:
    assert gap(GATE, ESCROW) == {}
    assert gap(replace(GATE, free={"A": 6}), ESCROW) == {"A": 1, "B": -2}


def test_a_grant_that_is_not_committed_is_on_its_way() -> None:
    gate = replace(GATE, free={"A": 2, "B": 2}, on_the_way=[FIRST], records={FIRST: {"A": 3}})
    assert gap(gate, ESCROW) == {}
    committed = replace(ESCROW, known=frozenset({FIRST}))
    assert gap(gate, committed) == {"A": -3}
    assert gap(gate, replace(committed, remaining={"A": 2, "B": 2})) == {}


def test_units_that_the_gate_is_owed_count_as_its_own() -> None:
    gate = replace(GATE, free={"A": 2, "B": 2}, records={FIRST: {"A": 3}})
    assert gap(gate, replace(ESCROW, credits=[(FIRST, {})])) == {}
    assert gap(gate, replace(ESCROW, credits=[(FIRST, {"A": 1})])) == {"A": -1}
    assert gap(gate, replace(ESCROW, credits=[(SECOND, {})])) == {"A": -3}
    assert gap(gate, replace(ESCROW, credits=[(FIRST, {"A": 3})])) == {"A": -3}
    assert gap(gate, replace(ESCROW, credits=[(FIRST, {"A": 4})])) == {"A": -3}


def test_of_two_credits_of_one_hold_the_lower_counts() -> None:
    gate = replace(GATE, free={"A": 2, "B": 2}, records={FIRST: {"A": 3}})
    for credits_due in ([(FIRST, {"A": 2}), (FIRST, {})], [(FIRST, {}), (FIRST, {"A": 2})]):
        assert gap(gate, replace(ESCROW, credits=credits_due)) == {}
    for credits_due in ([(FIRST, {"A": 2}), (FIRST, {"A": 1})], [(FIRST, {"A": 1}), (FIRST, {"A": 2})]):
        assert gap(gate, replace(ESCROW, credits=credits_due)) == {"A": -1}


def test_an_addition_counts_until_the_gate_has_it() -> None:
    more = replace(ESCROW, remaining={"A": 9, "B": 2}, additions=[(THIRD, "A", 4)])
    assert gap(GATE, more) == {}
    assert gap(replace(GATE, free={"A": 9, "B": 2}, records={THIRD: {}}), more) == {}


def test_a_moment_is_still_when_nothing_has_moved_or_become_due() -> None:
    assert ESCROW.unchanged(replace(ESCROW, known=frozenset({FIRST})))
    assert not ESCROW.unchanged(replace(ESCROW, remaining={"A": 4, "B": 2}))
    assert not ESCROW.unchanged(replace(ESCROW, credits=[(FIRST, {})]))
    assert not ESCROW.unchanged(replace(ESCROW, additions=[(FIRST, "A", 1)]))
