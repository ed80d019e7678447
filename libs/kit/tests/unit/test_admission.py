"""Admission without a clock and without chance: every decision is one that can be said in a sentence."""

from __future__ import annotations

import math
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_kit import admission
from lumbung_kit.admission import (
    ACTIVE_S,
    BUSY,
    IDLE_PRINCIPALS_MAX,
    PROBE_EVERY,
    RETRY_S_MAX,
    Admission,
    Pace,
    Refused,
    Shed,
)


class Door:
    """An admission at which time passes when the test says so."""

    def __init__(self, limit: int) -> None:
        self.admission = Admission(limit, Random(7))
        self.pace = Pace()
        self.now_s = 0.0

    def enter(self, principal: str = "one", remaining_s: float = math.inf) -> Shed | None:
        refused = self.admission.enter(principal, self.pace, remaining_s, self.now_s)
        return refused.shed if refused else None

    def crowd(self, count: int, principal: str = "one") -> list[Shed | None]:
        return [self.enter(principal) for _ in range(count)]

    def leave(self, count: int, principal: str = "one") -> None:
        for _ in range(count):
            self.admission.leave(principal, 1, self.now_s)

    def slow(self, seconds: float) -> None:
        """Every call has taken so long for a while."""
        for _ in range(200):
            self.pace.took(seconds)


def admitted(sheds: list[Shed | None]) -> int:
    return sheds.count(None)


def test_so_many_at_once_and_no_more() -> None:
    door = Door(1000)
    for number in range(1000):
        assert door.enter(f"principal-{number}") is None
    assert door.enter("latecomer") is Shed.IN_FLIGHT
    door.leave(1, "principal-0")
    assert door.enter("latecomer") is None


def test_below_the_mark_nobody_is_limited() -> None:
    door = Door(1000)
    door.crowd(5, "quiet")
    assert admitted(door.crowd(740, "flood")) == 740


def test_above_the_mark_who_has_more_than_its_share_is_refused_first() -> None:
    door = Door(1000)
    door.crowd(5, "quiet")
    flood = door.crowd(2000, "flood")
    assert admitted(flood) == 745
    assert set(flood[745:]) == {Shed.FAIR_SHARE}
    assert admitted(door.crowd(250, "quiet")) == 250
    assert door.admission.in_flight == 1000


def test_whoever_is_alone_may_have_nearly_everything_and_a_newcomer_still_finds_room() -> None:
    door = Door(1000)
    assert admitted(door.crowd(2000, "flood")) == 900
    assert admitted(door.crowd(100, "newcomer")) == 100


def test_two_floods_get_as_much_each() -> None:
    door = Door(1000)
    for _ in range(2000):
        door.enter("left")
        door.enter("right")
    door.leave(100, "left")
    assert admitted(door.crowd(2000, "right")) == 0
    assert admitted(door.crowd(2000, "left")) == 100


def test_a_principal_that_calls_now_and_then_keeps_its_share_for_a_while() -> None:
    door = Door(1000)
    door.enter("quiet")
    door.leave(1, "quiet")
    assert admitted(door.crowd(2000, "flood")) == 750
    door.now_s = ACTIVE_S + 1
    assert admitted(door.crowd(2000, "flood")) == 150


def test_principals_without_number_take_no_memory_without_bound() -> None:
    door = Door(100)
    for number in range(5000):
        door.enter(f"made-up-{number}")
        door.leave(1, f"made-up-{number}")
    assert len(door.admission._idle) == IDLE_PRINCIPALS_MAX
    assert door.admission._active == {}


def test_a_call_that_is_sure_to_be_late_is_refused() -> None:
    door = Door(1000)
    door.slow(2)
    door.crowd(BUSY)
    assert door.enter(remaining_s=1) is Shed.DEADLINE
    assert door.enter(remaining_s=3) is None
    assert door.enter() is None


def test_a_server_with_little_to_do_lets_everybody_try() -> None:
    door = Door(1000)
    door.slow(2)
    door.crowd(BUSY - 1)
    assert door.enter(remaining_s=0.01) is None


def test_once_busy_it_asks_until_half_have_left() -> None:
    door = Door(1000)
    door.slow(2)
    door.crowd(BUSY + 1)
    door.leave(60)
    assert door.enter(remaining_s=1) is Shed.DEADLINE
    door.leave(69)
    door.crowd(BUSY // 2)
    assert door.enter(remaining_s=1) is None


def test_one_in_sixteen_hopeless_calls_may_try_and_so_better_times_are_noticed() -> None:
    door = Door(1000)
    door.slow(2)
    door.crowd(BUSY)
    tries = [door.enter(remaining_s=1) for _ in range(10 * PROBE_EVERY)]
    assert admitted(tries) == 10
    for _ in range(30):
        door.pace.took(0.01)
    assert door.enter(remaining_s=1) is None


def test_calls_that_are_given_up_are_known_to_be_slow() -> None:
    door = Door(1000)
    for _ in range(100):
        door.pace.was_late_after(1)
    door.crowd(BUSY)
    assert door.enter(remaining_s=1) is Shed.DEADLINE


def test_times_that_vary_widely_refuse_nobody() -> None:
    door = Door(1000)
    for number in range(200):
        door.pace.took(3 if number % 2 else 0.01)
    door.crowd(BUSY)
    assert door.enter(remaining_s=0.1) is None


def test_a_batch_weighs_as_much_as_it_has_items() -> None:
    door = Door(200)
    assert door.enter("one") is None
    assert door.admission.grow("one", 99, 0) is None
    assert door.enter("two") is None
    refused = door.admission.grow("two", 100, 0)
    assert refused is not None
    assert refused.shed is Shed.IN_FLIGHT
    door.admission.leave("one", 100, 0)
    assert door.admission.grow("two", 99, 0) is None
    assert door.admission.in_flight == 100


def test_the_largest_batch_is_let_in_when_nothing_else_is_under_way() -> None:
    door = Door(10)
    assert door.enter() is None
    assert door.admission.grow("one", 99, 0) is None
    assert door.enter("other") is Shed.IN_FLIGHT


def delays(door: Door, callers: int, served_of_ten: int) -> list[float]:
    """What callers are told while only some of ten are served."""
    told = []
    for number in range(callers):
        if number % 10 < served_of_ten:
            door.leave(1)
            door.enter()
        refused = door.admission.enter("one", door.pace, math.inf, 0)
        assert isinstance(refused, Refused)
        told.append(refused.retry_after_s)
    return told[callers // 2 :]


def test_the_more_are_refused_the_later_they_are_to_come_back_and_not_all_at_once() -> None:
    half, hardly = Door(10), Door(10)
    half.crowd(10)
    hardly.crowd(10)
    few, many = delays(half, 4000, 10), delays(hardly, 4000, 1)
    assert mean(few) == pytest.approx(0.2, rel=0.2)
    assert mean(many) == pytest.approx(1.1, rel=0.3)
    assert min(many) < 0.7 * mean(many) < 1.3 * mean(many) < max(many) < 1.5 * RETRY_S_MAX


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 30)), max_size=300))
def test_what_is_counted_is_what_is_inside(steps: list[tuple[int, bool, int]]) -> None:
    door = Door(60)
    inside: list[tuple[str, int]] = []
    for number, comes, units in steps:
        if comes and door.enter(name := f"p{number}") is None:
            grown = units == 1 or door.admission.grow(name, units - 1, 0) is None
            inside.append((name, units if grown else 1))
        elif not comes and inside:
            name, held = inside.pop(number % len(inside))
            door.admission.leave(name, held, door.now_s)
        door.now_s += 0.1
        assert door.admission.in_flight == sum(held for _, held in inside)
        assert door.admission.in_flight <= 60 or len(inside) == 1
        assert len(door.admission._idle) <= admission.IDLE_PRINCIPALS_MAX
