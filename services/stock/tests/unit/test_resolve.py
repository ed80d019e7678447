"""One winner, whoever asks (P7), and the same answer to the same request (P3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from lumbung_kit.failures import Failure
from lumbung_kit.ids import new_id
from lumbung_stock.domain.answers import as_made, decided, first_answer, unseen
from lumbung_stock.domain.levels import LevelChange
from lumbung_stock.domain.reservations import (
    Draw,
    OrderDetails,
    Refusal,
    Reservation,
    ReservationState,
    Resolution,
    Verb,
)
from lumbung_stock.domain.resolve import (
    Earlier,
    EscrowChange,
    Resolver,
    credits_due,
    escrow_changes,
    escrow_keys,
    level_change,
    skus_given_back,
)

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATE = ReservationState
ORDINARY, FROM_ESCROW = Draw("JKT1", "CUP", 3, from_escrow=False), Draw("JKT1", "PB", 2, from_escrow=True)


@pytest.fixture
def hold(make_cart: MakeCart) -> Reservation:
    """A hold on a mixed cart, with a minute to go."""
    cart = make_cart({"CUP": 3, "PB": 2}, sale="SALE", customer="ani")
    return decided(cart, (ORDINARY, FROM_ESCROW), (NOW, NOW + timedelta(minutes=1)))


def wish(reservation: Reservation, verb: Verb, request_id: str = "", order: str = "") -> Resolution:
    details = OrderDetails(order or f"order-{new_id()}") if verb is Verb.CONFIRM else None
    request_id = request_id or (str(new_id()) if verb is not Verb.EXPIRE else "")
    return Resolution(reservation.reservation_id, verb, request_id, order=details, content_hash=b"content")


def resolver(*reservations: Reservation, now: datetime = NOW) -> Resolver:
    return Resolver({one.reservation_id: one for one in reservations}, {}, set(), now)


def said(answer: Reservation | Failure) -> str:
    """The state answered, or the reason with the winner that it names."""
    if isinstance(answer, Failure):
        return " ".join([answer.reason, *answer.metadata.values()])
    return answer.state.name


@pytest.mark.parametrize(
    ("state", "confirm", "release", "expire", "cancel", "ship"),
    [
        (STATE.HELD, "CONFIRMED", "RELEASED", "HELD", "NOT_CONFIRMED HELD", "NOT_CONFIRMED HELD"),
        (
            STATE.CONFIRMED,
            "ALREADY_RESOLVED confirm",
            "ALREADY_RESOLVED confirm",
            "CONFIRMED",
            "CANCELLED",
            "SHIPPED",
        ),
        (
            STATE.RELEASED,
            "ALREADY_RESOLVED release",
            "RELEASED",
            "RELEASED",
            "NOT_CONFIRMED RELEASED",
            "NOT_CONFIRMED RELEASED",
        ),
        (
            STATE.EXPIRED,
            "HOLD_EXPIRED",
            "EXPIRED",
            "EXPIRED",
            "NOT_CONFIRMED EXPIRED",
            "NOT_CONFIRMED EXPIRED",
        ),
        (
            STATE.CANCELLED,
            "ALREADY_RESOLVED cancel",
            "ALREADY_RESOLVED cancel",
            "CANCELLED",
            "ALREADY_RESOLVED cancel",
            "ALREADY_RESOLVED cancel",
        ),
        (
            STATE.SHIPPED,
            "ALREADY_RESOLVED confirm",
            "ALREADY_RESOLVED confirm",
            "SHIPPED",
            "ALREADY_SHIPPED",
            "ALREADY_SHIPPED",
        ),
        (STATE.REFUSED, *["RESERVATION_WAS_REFUSED"] * 5),
    ],
)
def test_every_verb_in_every_state(
    hold: Reservation, state: STATE, confirm: str, release: str, expire: str, cancel: str, ship: str
) -> None:
    reservation = replace(hold, state=state)
    verbs = (Verb.CONFIRM, Verb.RELEASE, Verb.EXPIRE, Verb.CANCEL, Verb.SHIP)
    answers = [said(resolver(reservation).decide(wish(reservation, verb))) for verb in verbs]
    assert answers == [confirm, release, expire, cancel, ship]


@pytest.mark.parametrize(
    ("verb", "answer"), [(Verb.CONFIRM, "HOLD_EXPIRED"), (Verb.RELEASE, "RELEASED"), (Verb.EXPIRE, "EXPIRED")]
)
def test_at_the_deadline_only_confirming_is_too_late(hold: Reservation, verb: Verb, answer: str) -> None:
    assert said(resolver(hold, now=hold.deadline).decide(wish(hold, verb))) == answer


def test_of_many_wishes_in_a_batch_the_first_wins_and_the_others_hear_who(hold: Reservation) -> None:
    deciding = resolver(hold)
    wishes = [
        wish(hold, verb) for verb in (Verb.RELEASE, Verb.CONFIRM, Verb.RELEASE, Verb.EXPIRE, Verb.CANCEL)
    ]
    answers = [said(deciding.decide(each)) for each in wishes]
    assert answers == [
        "RELEASED",
        "ALREADY_RESOLVED release",
        "RELEASED",
        "RELEASED",
        "NOT_CONFIRMED RELEASED",
    ]
    assert [(after.state, by) for after, by in deciding.changed] == [(STATE.RELEASED, wishes[0])]


def test_one_that_fails_does_not_fail_the_next(hold: Reservation, make_cart: MakeCart) -> None:
    other = decided(make_cart({"CUP": 1}), (ORDINARY,), (NOW, NOW + timedelta(minutes=1)))
    deciding = resolver(hold, other)
    unknown = replace(wish(hold, Verb.CONFIRM), reservation_id=UUID(int=7))
    answers = [
        said(deciding.decide(each)) for each in (unknown, wish(hold, Verb.CANCEL), wish(other, Verb.CONFIRM))
    ]
    assert answers == [f"RESERVATION_NOT_FOUND {UUID(int=7)}", "NOT_CONFIRMED HELD", "CONFIRMED"]


def test_an_order_reference_is_taken_once_per_channel(make_cart: MakeCart) -> None:
    times = (NOW, NOW + timedelta(minutes=1))
    ours, twin = (decided(make_cart({"CUP": 1}), (ORDINARY,), times) for _ in range(2))
    other = replace(decided(make_cart({"CUP": 1}), (ORDINARY,), times), channel_code="tokoria")
    deciding = resolver(ours, twin, other)
    answers = [said(deciding.decide(wish(each, Verb.CONFIRM, order="INV/1"))) for each in (ours, twin, other)]
    assert answers == ["CONFIRMED", "ORDER_REFERENCE_TAKEN INV/1", "CONFIRMED"]
    assert said(deciding.decide(wish(twin, Verb.CONFIRM, order="INV/2"))) == "CONFIRMED"


class TestTheSameRequestAgain:
    """What was answered is answered again, whatever has changed since."""

    def test_in_the_same_batch(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        once = wish(hold, Verb.CONFIRM, "once")
        assert deciding.decide(once) == deciding.decide(once)
        assert len(deciding.changed) == len(deciding.answered) == 1

    def test_after_the_reservation_went_on(self, hold: Reservation) -> None:
        first = resolver(hold)
        confirm = wish(hold, Verb.CONFIRM, "confirm")
        answer = first.decide(confirm)
        later = resolver(*first.reservations.values(), now=NOW + timedelta(hours=1))
        later.decide(wish(hold, Verb.CANCEL))
        last = Resolver(later.reservations, dict(first.earlier), set(), NOW + timedelta(hours=2))
        assert last.decide(confirm) == answer
        assert last.reservations[hold.reservation_id].state is STATE.CANCELLED
        assert last.changed == last.answered == []

    def test_a_refusal_stays_although_it_could_succeed_now(self, hold: Reservation) -> None:
        early = wish(hold, Verb.CANCEL, "cancel")
        deciding = resolver(hold)
        refused = deciding.decide(early)
        deciding.decide(wish(hold, Verb.CONFIRM))
        again = deciding.decide(early)
        assert said(refused) == said(again) == "NOT_CONFIRMED HELD"
        assert deciding.reservations[hold.reservation_id].state is STATE.CONFIRMED
        assert said(deciding.decide(wish(hold, Verb.CANCEL))) == "CANCELLED"

    @pytest.mark.parametrize("other", ["content", "verb", "reservation"])
    def test_with_anything_else_in_it_is_refused(self, hold: Reservation, other: str) -> None:
        deciding = resolver(hold)
        first = wish(hold, Verb.RELEASE, "once")
        deciding.decide(first)
        changed = {
            "content": replace(first, content_hash=b"other"),
            "verb": replace(first, verb=Verb.CANCEL),
            "reservation": replace(first, reservation_id=UUID(int=7)),
        }[other]
        assert said(deciding.decide(changed)) == "REQUEST_ID_REUSED"

    def test_is_remembered_also_when_there_was_nothing_left_to_do(self, hold: Reservation) -> None:
        deciding = resolver(replace(hold, state=STATE.EXPIRED))
        release = wish(hold, Verb.RELEASE, "once")
        deciding.decide(release)
        assert [(by, answer.state) for by, answer in deciding.answered] == [(release, STATE.EXPIRED)]
        assert deciding.changed == []

    def test_time_has_no_request(self, hold: Reservation) -> None:
        deciding = resolver(hold, now=hold.deadline)
        deciding.decide(wish(hold, Verb.EXPIRE))
        assert (len(deciding.changed), deciding.answered, deciding.earlier) == (1, [], {})

    def test_a_stored_answer_of_another_process_counts_the_same(self, hold: Reservation) -> None:
        stored = Earlier(hold.reservation_id, Verb.CONFIRM.value, STATE.CONFIRMED, b"content", NOW)
        sold = replace(hold, state=STATE.SHIPPED, resolve_time=NOW + timedelta(days=1))
        deciding = Resolver({hold.reservation_id: sold}, {"once": stored}, set(), NOW + timedelta(days=2))
        answer = deciding.decide(wish(hold, Verb.CONFIRM, "once"))
        assert answer == replace(sold, state=STATE.CONFIRMED, resolve_time=NOW)


@pytest.mark.parametrize(
    ("verb", "ordinary", "from_escrow"),
    [
        (Verb.CONFIRM, LevelChange("JKT1", "CUP", held=-3, sold=3), LevelChange("JKT1", "PB")),
        (Verb.RELEASE, LevelChange("JKT1", "CUP", held=-3), LevelChange("JKT1", "PB")),
        (Verb.EXPIRE, LevelChange("JKT1", "CUP", held=-3), LevelChange("JKT1", "PB")),
        (Verb.CANCEL, LevelChange("JKT1", "CUP", sold=-3), LevelChange("JKT1", "PB")),
        (
            Verb.SHIP,
            LevelChange("JKT1", "CUP", on_hand=-3, sold=-3),
            LevelChange("JKT1", "PB", on_hand=-2, escrow=-2),
        ),
    ],
)
def test_what_a_verb_does_to_a_level(verb: Verb, ordinary: LevelChange, from_escrow: LevelChange) -> None:
    assert (level_change(ORDINARY, verb), level_change(FROM_ESCROW, verb)) == (ordinary, from_escrow)


@pytest.mark.parametrize(
    ("verb", "while_open", "after_closing"),
    [
        (Verb.CONFIRM, [], []),
        (Verb.RELEASE, [EscrowChange("SALE", "PB", remaining=2)], [EscrowChange("SALE", "PB", returned=2)]),
        (Verb.EXPIRE, [EscrowChange("SALE", "PB", remaining=2)], [EscrowChange("SALE", "PB", returned=2)]),
        (Verb.CANCEL, [EscrowChange("SALE", "PB", remaining=2)], [EscrowChange("SALE", "PB", returned=2)]),
        (Verb.SHIP, [EscrowChange("SALE", "PB", shipped=2)], [EscrowChange("SALE", "PB", shipped=2)]),
    ],
)
def test_what_a_verb_does_to_the_escrow_before_and_after_closing(
    hold: Reservation, verb: Verb, while_open: list[EscrowChange], after_closing: list[EscrowChange]
) -> None:
    on_sale = {("SALE", "PB")}
    closed = replace(hold, draws=(ORDINARY, replace(FROM_ESCROW, from_escrow=False)))
    assert escrow_changes(hold, verb, on_sale) == while_open
    assert escrow_changes(closed, verb, on_sale) == after_closing
    assert escrow_changes(replace(hold, flash_sale_code=None), verb, on_sale) == []


def test_the_gate_is_credited_for_what_came_out_of_an_open_sale_alone(hold: Reservation) -> None:
    ordinary = replace(hold, draws=(ORDINARY,))
    changed = [(each, wish(each, verb)) for each in (hold, ordinary) for verb in Verb]
    gives_back = (Verb.RELEASE, Verb.EXPIRE, Verb.CANCEL)
    assert credits_due(changed) == [("SALE", hold.reservation_id)] * len(gives_back)
    assert skus_given_back([(hold, wish(hold, Verb.CONFIRM))]) == []
    assert skus_given_back([(hold, wish(hold, Verb.CANCEL))]) == ["CUP", "PB"]


def test_a_confirm_locks_no_escrow(hold: Reservation) -> None:
    assert escrow_keys([(hold, wish(hold, Verb.CONFIRM))]) == []
    assert escrow_keys([(hold, wish(hold, Verb.RELEASE))]) == [("SALE", "CUP"), ("SALE", "PB")]


class TestAnswers:
    """What a Reserve is answered with."""

    def test_each_request_is_decided_once_in_order_of_arrival(
        self, make_cart: MakeCart, hold: Reservation
    ) -> None:
        first, twin, second = (
            make_cart({"A": 1}, request_id="1"),
            make_cart({"A": 1}, request_id="1"),
            make_cart({"A": 1}),
        )
        known = make_cart({"A": 1}, request_id=hold.request_id)
        assert unseen([first, known, twin, second], {hold.request_id: hold}) == [first, second]

    def test_other_content_is_not_the_same_request(self, make_cart: MakeCart, hold: Reservation) -> None:
        same = make_cart({"A": 1}, request_id=hold.request_id)
        other = make_cart({"A": 1}, request_id=hold.request_id, content_hash=b"other")
        assert first_answer(same, {hold.request_id: hold}) == hold
        answer = first_answer(other, {hold.request_id: hold})
        assert isinstance(answer, Failure)
        assert answer.reason == "REQUEST_ID_REUSED"

    @pytest.mark.parametrize("state", [state for state in STATE if state is not STATE.REFUSED])
    def test_a_hold_was_answered_as_held_whatever_became_of_it(self, hold: Reservation, state: STATE) -> None:
        now = replace(hold, state=state, resolve_time=NOW, order=OrderDetails("INV/1"))
        assert as_made(now if state is not STATE.HELD else hold) == hold

    def test_a_refusal_is_a_reservation_that_holds_nothing(self, make_cart: MakeCart) -> None:
        refusal = Refusal("OUT_OF_STOCK", "none left")
        made = decided(make_cart({"A": 1}), refusal, (NOW, NOW))
        assert (made.state, made.draws, made.refusal) == (STATE.REFUSED, (), refusal)
        assert as_made(made) is made
