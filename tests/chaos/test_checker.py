"""The checker finds what is wrong: each history here is wrong in one way, and the first one in none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lumbung_dev.chaos.checker import Kept, Promise, Truth, check
from lumbung_dev.chaos.history import Attempt, History, Verb

GIVEN = 3


def attempt(verb: Verb, request_id: str, told: str, at: float, **fields: object) -> Attempt:
    made = Attempt(verb, request_id, at, told=told, answered_s=at + 0.1, reservation_id=request_id[-1])
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def hold(name: str, at: float, *, deadline_s: float = 900.0, units: int = 1) -> Attempt:
    return attempt(Verb.RESERVE, f"r-{name}", "HELD", at, deadline_s=deadline_s, units=units)


def history(*more: Attempt) -> History:
    """A is sold, B given back, C held, and D was refused; then whatever follows."""
    first = [
        hold("a", 1.0),
        hold("b", 2.0),
        hold("c", 3.0),
        attempt(Verb.RESERVE, "r-d", "OUT_OF_STOCK", 4.0, reservation_id=""),
        attempt(Verb.CONFIRM, "c-a", "CONFIRMED", 5.0),
        attempt(Verb.RELEASE, "x-b", "RELEASED", 6.0),
        hold("e", 7.0),
    ]
    return History([*first, *more])


def truth(**states: str) -> Truth:
    """The books that go with it."""
    kept = {"a": "CONFIRMED", "b": "RELEASED", "c": "HELD", "e": "HELD"} | states
    reservations = {name: Kept(name, state, 1, 900.0) for name, state in kept.items() if state}
    return Truth(GIVEN, 0, 0, reservations, read_s=10.0)


def broken(run: History, books: Truth) -> set[Promise]:
    return {breach.promise for breach in check(run, books).breaches}


def test_a_run_in_which_all_went_well() -> None:
    verdict = check(history(), truth())
    assert verdict.content, verdict.breaches
    assert (verdict.acknowledged_holds, verdict.acknowledged_confirms, verdict.undecided) == (4, 1, 0)


def test_more_in_the_books_than_there_is() -> None:
    assert broken(history(), truth(z="CONFIRMED")) == {Promise.OVERSOLD}


def test_more_promised_at_one_moment_than_there_is() -> None:
    """The books are in order again at the end: one hold was quietly dropped, after somebody else had the unit."""
    verdict = check(history(hold("f", 8.0)), truth(f="EXPIRED"))
    assert {breach.promise for breach in verdict.breaches} == {Promise.OVERSOLD, Promise.LOST_HOLD}
    assert verdict.units(Promise.OVERSOLD) == 1


def test_a_soft_hold_may_be_lost_and_its_unit_given_again_until_it_is_confirmed() -> None:
    soft = attempt(Verb.RESERVE, "r-f", "HELD", 8.0, deadline_s=900.0, soft=True)
    refused = attempt(Verb.RESERVE, "r-f", "OUT_OF_STOCK", 9.0, reservation_id="")
    lost = attempt(Verb.CONFIRM, "c-f", "HOLD_LOST", 9.5)
    assert check(history(soft, refused, lost), truth()).content
    confirmed = attempt(Verb.CONFIRM, "c-f", "CONFIRMED", 9.5)
    assert Promise.LOST_CONFIRM in broken(history(soft, confirmed), truth())
    other = attempt(Verb.RESERVE, "r-f", "HELD", 9.8, reservation_id="g", deadline_s=900.0)
    assert Promise.CHANGED_ANSWER in broken(history(soft, refused, other), truth(g="HELD"))


def test_soft_holds_that_were_confirmed_count() -> None:
    sold = [attempt(Verb.CONFIRM, f"c-{name}", "CONFIRMED", 8.0, units=2) for name in "fg"]
    verdict = check(history(*sold), truth(f="CONFIRMED", g="CONFIRMED"))
    assert verdict.units(Promise.OVERSOLD) > 0


def test_a_unit_given_again_after_its_hold_ended_is_no_oversale() -> None:
    run = History([hold("a", 1.0, deadline_s=5.0, units=3), hold("b", 6.0, units=3)])
    books = Truth(3, 0, 0, {"a": Kept("a", "EXPIRED", 3, 5.0), "b": Kept("b", "HELD", 3, 900.0)}, 10.0)
    assert check(run, books).content


@pytest.mark.parametrize("state", ["RELEASED", "HELD", "EXPIRED", ""])
def test_an_acknowledged_confirm_that_is_gone(state: str) -> None:
    assert Promise.LOST_CONFIRM in broken(history(), truth(a=state))


@pytest.mark.parametrize("state", ["RELEASED", "EXPIRED", ""])
def test_a_durable_hold_that_is_gone_before_its_deadline(state: str) -> None:
    assert Promise.LOST_HOLD in broken(history(), truth(c=state))


def test_a_hold_may_end_at_its_deadline() -> None:
    run = history()
    run.attempts[2].deadline_s = 9.0
    books = truth(c="EXPIRED")
    assert check(run, replace(books, returned=1)).content


@pytest.mark.parametrize("told", ["HOLD_EXPIRED", "HOLD_LOST", "RESERVATION_NOT_FOUND"])
def test_a_confirm_in_time_that_is_told_the_hold_is_gone(told: str) -> None:
    assert Promise.LOST_HOLD in broken(history(attempt(Verb.CONFIRM, "c-c", told, 8.0)), truth())


def test_a_confirm_that_comes_too_late_may_be_told_so() -> None:
    run = history(attempt(Verb.CONFIRM, "c-c", "HOLD_EXPIRED", 901.0))
    books = replace(truth(c="EXPIRED"), read_s=902.0, returned=1)
    assert check(run, books).content


def test_units_that_are_nowhere() -> None:
    verdict = check(history(), replace(truth(), given=GIVEN + 2))
    assert [(breach.promise, breach.units) for breach in verdict.breaches] == [(Promise.LEAKED, 2)]


def test_units_that_are_free_and_that_nobody_can_have() -> None:
    verdict = check(history(), replace(truth(), given=GIVEN + 1, remaining=1))
    assert [(breach.promise, breach.units) for breach in verdict.breaches] == [(Promise.LEAKED, 1)]


@pytest.mark.parametrize(("read_s", "leaks"), [(959.0, False), (961.0, True)])
def test_a_hold_that_outlives_its_deadline_by_a_minute(read_s: float, leaks: bool) -> None:
    assert (Promise.LEAKED in broken(history(), replace(truth(), read_s=read_s))) is leaks


def test_another_answer_to_the_same_request() -> None:
    again = attempt(Verb.RESERVE, "r-d", "HELD", 8.0, reservation_id="c", deadline_s=900.0)
    assert broken(history(again), truth()) == {Promise.CHANGED_ANSWER}


def test_another_hold_for_the_same_request() -> None:
    again = attempt(Verb.RESERVE, "r-c", "HELD", 8.0, reservation_id="b", deadline_s=900.0)
    assert Promise.CHANGED_ANSWER in broken(history(again), truth())


def test_no_answer_is_no_other_answer() -> None:
    unanswered = Attempt(Verb.RESERVE, "r-c", 8.0)
    nobody_knows = Attempt(Verb.RESERVE, "r-q", 8.0)
    verdict = check(history(unanswered, nobody_knows), truth())
    assert verdict.content
    assert verdict.undecided == 1


def test_two_winners() -> None:
    run = history(attempt(Verb.RELEASE, "x-a", "RELEASED", 8.0))
    assert Promise.TWO_WINNERS in broken(run, truth())
