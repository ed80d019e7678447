"""The rules of a waiting room, for every order of joining and every number of attempts."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.waiting_room import (
    ADMIT_MAX,
    AdmissionOrder,
    Demand,
    RoomFigures,
    Ticket,
    TicketState,
    WaitingRoom,
    WaitingState,
    ask_again_s,
    drawn_order,
    lot,
)

ROOM = WaitingRoom(AdmissionOrder.LOTTERY, 2, 120, 30, secret=b"s" * 32, seed=b"seed" * 8)
FIGURES = RoomFigures(
    awake=True,
    drawn=True,
    draw_time=None,
    draw_is_due=False,
    in_draw=0,
    last_place=10,
    admitted_through=4,
    used_count=0,
    used_units=0,
    admission_rate=0.0,
    rate_age_s=0.5,
    free=3,
    outstanding=1,
)
TICKET = Ticket("Ani", "request", b"content", TicketState.WAITING, 7, b"", None, 0.0)

customers = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30, unique=True)
small = st.integers(min_value=0, max_value=50)


# The lottery


@given(customers, st.randoms(use_true_random=False), st.binary(min_size=32, max_size=32))
def test_neither_the_moment_nor_the_attempts_move_a_lot(names: list[str], chance, seed: bytes) -> None:
    tickets = [ROOM.ticket_of(name) for name in names]
    tries = tickets + chance.choices(tickets, k=20)
    chance.shuffle(tries)
    assert drawn_order(seed, tries) == drawn_order(seed, tickets)
    assert sorted(drawn_order(seed, tries)) == sorted(tickets)


def test_everybody_has_the_same_chance() -> None:
    tickets = [ROOM.ticket_of(f"customer-{number}") for number in range(4)]
    firsts = Counter(drawn_order(number.to_bytes(32, "big"), tickets)[0] for number in range(4_000))
    assert set(firsts) == set(tickets)
    assert all(
        850 < count < 1_150 for count in firsts.values()
    )  # five standard deviations; the seeds are fixed


def test_the_rule_is_the_published_one() -> None:
    ticket = ROOM.ticket_of("Ani")
    expected = hashlib.sha256(ROOM.seed + hashlib.sha256(ticket.encode("ascii")).digest()).digest()
    assert ROOM.lot_of("Ani") == lot(ROOM.seed, ticket) == expected
    assert ROOM.commitment == hashlib.sha256(ROOM.seed).digest()


def test_who_comes_first_has_neither_seed_nor_lot() -> None:
    fifo = replace(ROOM, order=AdmissionOrder.FIFO, seed=b"")
    assert (fifo.commitment, fifo.lot_of("Ani")) == (b"", b"")


# Tickets


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_ticket_is_one_customers_for_one_sale(one: str, other: str) -> None:
    ticket = ROOM.ticket_of(one)
    assert ROOM.has_given(ticket, one)
    assert ROOM.has_given(ticket, other) == (one == other)
    assert not replace(ROOM, secret=b"t" * 32).has_given(ticket, one)


@given(st.text(max_size=60))
def test_no_guess_is_a_ticket(guess: str) -> None:
    assert not ROOM.has_given(guess, "Ani")


def test_neither_secret_nor_seed_is_shown() -> None:
    assert "s" * 32 not in repr(ROOM)
    assert "seedseed" not in repr(ROOM)


# Admission


@given(free=small, outstanding=small, waiting=small, used=small, more=small)
def test_never_more_choose_than_units_are_free(
    free: int, outstanding: int, waiting: int, used: int, more: int
) -> None:
    figures = replace(
        FIGURES,
        free=free,
        outstanding=outstanding,
        admitted_through=0,
        last_place=waiting,
        used_count=used,
        used_units=used + more if used else 0,
    )
    count = figures.to_admit()
    assert 0 <= count <= waiting
    assert count == 0 or outstanding + count <= free
    if free and waiting and not outstanding:
        assert count > 0, "a unit that is free would wait for ever"


def test_those_before_say_how_much_one_takes() -> None:
    figures = replace(FIGURES, free=10, outstanding=1, admitted_through=0, last_place=100)
    assert figures.to_admit() == 9
    assert replace(figures, used_count=10, used_units=25).to_admit() == 3


def test_a_round_is_bounded() -> None:
    assert replace(FIGURES, free=10**6, last_place=10**6).to_admit() == ADMIT_MAX


# What a customer is told


@pytest.mark.parametrize(
    ("ticket", "free", "state"),
    [
        (TICKET, 1, WaitingState.WAITING),
        (TICKET, 0, WaitingState.SOLD_OUT),
        (replace(TICKET, state=TicketState.ADMITTED, admission_left_s=1.0), 0, WaitingState.ADMITTED),
        (replace(TICKET, state=TicketState.ADMITTED, admission_left_s=0.0), 1, WaitingState.LAPSED),
        (replace(TICKET, state=TicketState.LAPSED, admission_left_s=-9.0), 1, WaitingState.LAPSED),
        (replace(TICKET, state=TicketState.USED, admission_left_s=-9.0), 1, WaitingState.USED),
    ],
)
def test_a_customer_is_told_how_they_stand(ticket: Ticket, free: int, state: WaitingState) -> None:
    assert ticket.waiting_state(replace(FIGURES, free=free)) is state


def test_how_many_are_ahead() -> None:
    assert TICKET.ahead(FIGURES) == 2
    assert replace(TICKET, place=5).ahead(FIGURES) == 0
    assert replace(TICKET, place=None).ahead(replace(FIGURES, in_draw=9)) == 8
    assert replace(TICKET, state=TicketState.USED).ahead(FIGURES) == 0


def test_the_wait_follows_from_the_rate() -> None:
    assert TICKET.estimated_wait_s(FIGURES) is None
    assert TICKET.estimated_wait_s(replace(FIGURES, admission_rate=0.5)) == 6.0
    assert replace(TICKET, place=None).estimated_wait_s(replace(FIGURES, admission_rate=0.5)) is None


def test_a_steady_rate_is_found() -> None:
    figures = FIGURES
    for _ in range(1_000):
        figures = replace(figures, admission_rate=figures.rate_after(5))
    assert figures.admission_rate == pytest.approx(10.0, rel=0.01)
    assert replace(figures, rate_age_s=0.0).rate_after(5) == figures.admission_rate


@given(st.integers(0, 10**6), st.none() | st.floats(0, 1e6), st.integers(10, 3600))
def test_nobody_sleeps_through_an_admission(ahead: int, estimate_s: float | None, admission_s: int) -> None:
    assert 1.0 <= ask_again_s(ahead, estimate_s, admission_s) <= max(1.0, admission_s / 4)


# Demand


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9)), min_size=1, max_size=60))
def test_each_customer_counts_once(wishes: list[tuple[str, int]]) -> None:
    demand, largest = Demand(), Counter[str]()
    for customer, units in wishes:
        demand.note(customer, {"A": units}, now=5.0)
        largest[customer] = max(largest[customer], units)
    assert demand.of("A", 5.0) == largest.total()


def test_demand_fades() -> None:
    demand = Demand(window_s=10.0)
    demand.note("Ani", {"A": 8}, now=0.0)
    assert [demand.of("A", now) for now in (9.9, 15.0, 25.0)] == [8, 4.0, 0]


def test_who_is_still_there_in_the_next_window_counts_once() -> None:
    demand = Demand(window_s=10.0)
    for now in (0.0, 11.0):
        demand.note("Ani", {"A": 8}, now=now)
    assert demand.of("A", 11.0) == 8


def test_a_long_silence_begins_anew() -> None:
    demand = Demand(window_s=10.0)
    demand.note("Ani", {"A": 8}, now=0.0)
    demand.note("Budi", {"A": 1}, now=1_000.0)
    assert demand.of("A", 1_000.0) == 1


def test_what_presses() -> None:
    demand = Demand()
    demand.note("Ani", {"A": 5, "B": 1}, now=0.0)
    assert demand.presses({"A": 2}, 2, 0.0)
    assert not demand.presses({"A": 3, "B": 1}, 2, 0.0)
    assert not demand.presses({"A": 0}, 2, 0.0), "of what is gone, nobody need wait"
