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
from lumbung_stock.domain.reservation_failures import HoldLost
from lumbung_stock.domain.reservations import (
    Draw,
    Durability,
    Line,
    OrderDetails,
    Refusal,
    Reservation,
    ReservationState,
    Resolution,
    Verb,
)
from lumbung_stock.domain.resolve import (
    HOLD_LIFE_MAX,
    RESERVE,
    Change,
    CreditDue,
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


def changed(hold: Reservation, verb: Verb) -> Change:
    """All units of a hold going through one verb."""
    states = {
        Verb.CONFIRM: STATE.CONFIRMED,
        Verb.RELEASE: STATE.RELEASED,
        Verb.EXPIRE: STATE.EXPIRED,
        Verb.CANCEL: STATE.CANCELLED,
        Verb.SHIP: STATE.SHIPPED,
    }
    after = replace(hold, state=states[verb])
    return Change(hold, after, wish(hold, verb), tuple((verb, draw) for draw in hold.draws))


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
    assert [(change.after.state, change.wish) for change in deciding.changed] == [(STATE.RELEASED, wishes[0])]


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


class TestWhatIsWritten:
    """A change says what was, what is, who wished it and when."""

    @pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.CONFIRM, Verb.EXTEND])
    def test_of_a_hold(self, hold: Reservation, verb: Verb) -> None:
        now = NOW + timedelta(seconds=5)
        deciding, asked = resolver(hold, now=now), replace(wish(hold, verb), ttl_s=60.0)
        answer = deciding.decide(asked)
        (change,) = deciding.changed
        assert (change.before, change.after, change.wish) == (hold, answer, asked)
        assert change.after.resolve_time == (None if verb is Verb.EXTEND else now)
        assert change.after.order == asked.order
        moved = () if verb is Verb.EXTEND else tuple((verb, draw) for draw in hold.draws)
        assert change.moved == moved

    def test_of_a_sale_that_leaves(self, hold: Reservation) -> None:
        now = NOW + timedelta(days=1)
        sold = replace(hold, state=STATE.CONFIRMED, resolve_time=NOW)
        deciding, asked = resolver(sold, now=now), wish(sold, Verb.SHIP, "ship")
        answer = deciding.decide(asked)
        (change,) = deciding.changed
        assert (change.before, change.after, change.wish) == (sold, answer, asked)
        assert change.after.resolve_time == now

    def test_the_order_that_came_before_stays_when_none_comes(self, hold: Reservation) -> None:
        ordered = replace(hold, order=OrderDetails("INV/1"))
        answer = resolver(ordered).decide(replace(wish(hold, Verb.CONFIRM), order=None))
        assert isinstance(answer, Reservation)
        assert answer.order == OrderDetails("INV/1")

    def test_a_deadline_is_remembered_of_extensions_alone(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        deciding.decide(replace(wish(hold, Verb.EXTEND, "more"), ttl_s=600.0))
        deciding.decide(wish(hold, Verb.CONFIRM, "sold"))
        assert [answer.deadline for _, answer in deciding.answered] == [NOW + timedelta(minutes=10), None]


class TestRefusals:
    """Each says what it is about, by a name of its own (P6)."""

    def test_unknown(self, hold: Reservation) -> None:
        refused = resolver().decide(wish(hold, Verb.RELEASE))
        assert isinstance(refused, Failure)
        assert refused.metadata == {"reservation_id": str(hold.reservation_id)}

    def test_too_long(self, hold: Reservation) -> None:
        late = hold.create_time + HOLD_LIFE_MAX
        refused = resolver(replace(hold, deadline=late + timedelta(minutes=1)), now=late).decide(
            replace(wish(hold, Verb.EXTEND), ttl_s=1.0)
        )
        assert isinstance(refused, Failure)
        assert refused.metadata == {"ttl_s_max": "0"}

    def test_the_orders_reference_is_taken(self, hold: Reservation) -> None:
        deciding = Resolver({hold.reservation_id: hold}, {}, {("web", "INV/1")}, NOW)
        refused = deciding.decide(wish(hold, Verb.CONFIRM, order="INV/1"))
        assert isinstance(refused, Failure)
        assert refused.metadata == {"order_reference": "INV/1"}

    def test_nothing_to_ship(self, hold: Reservation) -> None:
        sold = replace(hold, state=STATE.CONFIRMED)
        refused = resolver(sold).decide(replace(wish(sold, Verb.SHIP), warehouse_code="SUB1"))
        assert isinstance(refused, Failure)
        assert refused.metadata == {"warehouse_code": "SUB1"}

    def test_parts_have_left(self, hold: Reservation) -> None:
        gone = [replace(ORDINARY, warehouse_code=code, shipped=True) for code in ("SUB1", "BDG1")]
        sold = replace(hold, state=STATE.CONFIRMED, draws=(*gone, FROM_ESCROW))
        refused = resolver(sold).decide(wish(sold, Verb.CANCEL))
        assert isinstance(refused, Failure)
        assert refused.message == "The share of BDG1, SUB1 has left already; take a return instead."
        assert refused.metadata == {"warehouse_codes": "BDG1,SUB1"}

    def test_a_soft_hold_that_the_ledger_refused_is_lost_and_no_other(self, hold: Reservation) -> None:
        soft = replace(hold, durability=Durability.SOFT)
        refused = resolver(replace(soft, state=STATE.REFUSED)).decide(wish(hold, Verb.CONFIRM))
        assert isinstance(refused, HoldLost)
        assert refused.metadata == {"reservation_id": str(hold.reservation_id)}
        assert said(resolver(soft).decide(wish(hold, Verb.CONFIRM))) == "CONFIRMED"
        assert said(resolver(replace(hold, state=STATE.REFUSED)).decide(wish(hold, Verb.CONFIRM))) == (
            "RESERVATION_WAS_REFUSED"
        )

    def test_the_same_again_word_for_word(self, hold: Reservation) -> None:
        asked = replace(wish(hold, Verb.CONFIRM, "once"), partial_lines=(("PB", 3),))
        deciding = resolver(hold)
        first, again = deciding.decide(asked), deciding.decide(asked)
        assert isinstance(first, Failure)
        assert isinstance(again, Failure)
        assert first.message == "2 of PB are held, not 3."
        assert (type(again), again.message, again.metadata) == (type(first), first.message, first.metadata)


class TestTheSameRequestAgain:
    """What was answered is answered again, whatever has changed since."""

    def test_a_second_release_is_answered_with_the_time_of_the_first(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        deciding.decide(wish(hold, Verb.RELEASE, "first"))
        deciding.now = NOW + timedelta(seconds=9)
        second = wish(hold, Verb.RELEASE, "second")
        assert deciding.decide(second) == deciding.decide(second)
        assert deciding.reservations[hold.reservation_id].resolve_time == NOW

    def test_a_shipment_is_answered_again_as_shipped(self, hold: Reservation) -> None:
        deciding = resolver(replace(hold, state=STATE.CONFIRMED))
        ship = wish(hold, Verb.SHIP, "ship")
        answer = deciding.decide(ship)
        assert isinstance(answer, Reservation)
        assert all(draw.shipped for draw in answer.draws)
        assert deciding.decide(ship) == answer

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
    assert escrow_changes(changed(hold, verb), on_sale) == while_open
    assert escrow_changes(changed(closed, verb), on_sale) == after_closing
    assert escrow_changes(changed(replace(hold, flash_sale_code=None), verb), on_sale) == []


def test_the_gate_is_credited_for_what_came_out_of_an_open_sale_alone(hold: Reservation) -> None:
    ordinary = replace(hold, draws=(ORDINARY,))
    gives_back = (Verb.RELEASE, Verb.EXPIRE, Verb.CANCEL)
    changes = [changed(each, verb) for each in (hold, ordinary) for verb in (*gives_back, Verb.CONFIRM)]
    assert credits_due(changes) == [CreditDue("SALE", hold.reservation_id)] * len(gives_back)
    assert skus_given_back([changed(hold, Verb.CONFIRM)]) == []
    assert skus_given_back([changed(hold, Verb.CANCEL)]) == ["CUP", "PB"]


def test_a_confirm_locks_no_escrow(hold: Reservation) -> None:
    assert escrow_keys([changed(hold, Verb.CONFIRM)]) == []
    assert escrow_keys([changed(hold, Verb.RELEASE)]) == [("SALE", "CUP"), ("SALE", "PB")]


class TestExtending:
    """A hold's deadline moves while it is held and has not passed."""

    @staticmethod
    def extend(hold: Reservation, ttl_s: float, request_id: str = "") -> Resolution:
        return replace(wish(hold, Verb.EXTEND, request_id), ttl_s=ttl_s)

    @pytest.mark.parametrize("ttl_s", [30.0, 3600.0])
    def test_the_new_deadline_is_reckoned_from_now(self, hold: Reservation, ttl_s: float) -> None:
        now = NOW + timedelta(seconds=5)
        deciding = resolver(hold, now=now)
        answer = deciding.decide(self.extend(hold, ttl_s))
        assert isinstance(answer, Reservation)
        assert (answer.state, answer.deadline) == (STATE.HELD, now + timedelta(seconds=ttl_s))
        (change,) = deciding.changed
        assert (change.resolves, change.moved) == (False, ())
        assert as_made(answer) == hold

    def test_it_is_refused_where_a_confirm_would_be(self, hold: Reservation) -> None:
        for state in (*(each for each in STATE if each is not STATE.HELD), STATE.HELD):
            at_its_deadline = replace(hold, state=state)
            answers = [
                said(resolver(at_its_deadline, now=hold.deadline).decide(asked))
                for asked in (self.extend(hold, 60), wish(hold, Verb.CONFIRM))
            ]
            assert answers[0] == answers[1], state
            assert answers[0] not in ("HELD", "CONFIRMED")

    def test_a_hold_lives_a_day_at_most(self, hold: Reservation) -> None:
        late = hold.create_time + HOLD_LIFE_MAX - timedelta(minutes=10)
        extended = replace(hold, deadline=late + timedelta(minutes=1))
        refused = resolver(extended, now=late).decide(self.extend(hold, 601))
        assert said(refused) == "HOLD_TOO_LONG 600"
        assert said(resolver(extended, now=late).decide(self.extend(hold, 600))) == "HELD"

    def test_the_same_request_gets_its_own_deadline_again(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        first = deciding.decide(self.extend(hold, 60, "first"))
        second = deciding.decide(self.extend(hold, 120, "second"))
        deciding.decide(replace(wish(hold, Verb.CONFIRM), partial_lines=(("CUP", 1),)))
        later = Resolver(deciding.reservations, deciding.earlier, set(), NOW + timedelta(hours=1))
        told = [
            later.decide(self.extend(hold, ttl_s, name)) for name, ttl_s in (("first", 60), ("second", 120))
        ]
        for again, was in zip(told, (first, second), strict=True):
            assert isinstance(again, Reservation)
            assert isinstance(was, Reservation)
            assert (again.state, again.deadline, again.lines, again.draws) == (
                STATE.HELD,
                was.deadline,
                hold.lines,
                hold.draws,
            )
        assert later.changed == []

    def test_what_was_extended_expires_no_sooner(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        deciding.decide(self.extend(hold, 600))
        later = resolver(*deciding.reservations.values(), now=hold.deadline)
        assert said(later.decide(wish(hold, Verb.EXPIRE))) == "HELD"
        assert said(later.decide(wish(hold, Verb.CONFIRM))) == "CONFIRMED"


class TestPartialConfirm:
    """Sells some and gives back the rest."""

    @staticmethod
    def confirm(hold: Reservation, *lines: tuple[str, int], request_id: str = "") -> Resolution:
        return replace(wish(hold, Verb.CONFIRM, request_id), partial_lines=lines)

    def test_what_is_sold_stays_and_what_was_held_is_known(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        answer = deciding.decide(self.confirm(hold, ("CUP", 1), ("PB", 2)))
        assert isinstance(answer, Reservation)
        assert [(line.sku_code, line.quantity) for line in answer.lines] == [("CUP", 1), ("PB", 2)]
        assert answer.draws == (replace(ORDINARY, quantity=1), FROM_ESCROW)
        assert answer.held is not None
        assert (answer.held.lines, answer.held.draws) == (hold.lines, hold.draws)
        assert as_made(answer) == hold
        (change,) = deciding.changed
        assert change.moved == (
            (Verb.CONFIRM, replace(ORDINARY, quantity=1)),
            (Verb.CONFIRM, FROM_ESCROW),
            (Verb.RELEASE, replace(ORDINARY, quantity=2)),
        )
        assert (credits_due([change]), skus_given_back([change])) == ([], ["CUP"])

    def test_the_gate_hears_what_the_hold_keeps(self, hold: Reservation) -> None:
        deciding = resolver(hold)
        deciding.decide(self.confirm(hold, ("PB", 1), ("CUP", 3)))
        deciding.decide(wish(hold, Verb.CANCEL))
        assert [due.kept for due in credits_due(deciding.changed)] == [{"PB": 1}, {}]
        assert escrow_keys(deciding.changed[:1]) == [("SALE", "PB")]
        sold = [escrow_changes(change, {("SALE", "PB")}) for change in deciding.changed]
        assert sold == [[EscrowChange("SALE", "PB", remaining=1)]] * 2

    def test_the_gate_hears_one_figure_for_a_sku_of_two_warehouses(self, hold: Reservation) -> None:
        draws = tuple(replace(FROM_ESCROW, warehouse_code=code, quantity=2) for code in ("BDG1", "JKT1"))
        lines = (Line("PB", 4, (("PB", 1),)),)
        deciding = resolver(replace(hold, lines=lines, draws=draws))
        deciding.decide(self.confirm(hold, ("PB", 3)))
        assert [due.kept for due in credits_due(deciding.changed)] == [{"PB": 3}]

    def test_all_of_it_is_an_ordinary_confirm(self, hold: Reservation) -> None:
        answer = resolver(hold).decide(self.confirm(hold, ("PB", 2), ("CUP", 1), ("CUP", 2)))
        assert isinstance(answer, Reservation)
        assert (answer.lines, answer.draws, answer.held) == (hold.lines, hold.draws, None)

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            ((("PB", 3),), "MORE_THAN_HELD PB 3 2"),
            ((("PB", 1), ("PB", 2)), "MORE_THAN_HELD PB 3 2"),
            ((("CUP", 1), ("TEA", 1)), "MORE_THAN_HELD TEA 1 0"),
        ],
    )
    def test_more_than_is_held_sells_nothing_and_takes_no_order(
        self, hold: Reservation, lines: tuple[tuple[str, int], ...], told: str
    ) -> None:
        deciding = resolver(hold)
        asked = self.confirm(hold, *lines, request_id="once")
        assert said(deciding.decide(asked)) == said(deciding.decide(asked)) == told
        assert (deciding.changed, deciding.taken_orders) == ([], set())
        assert said(deciding.decide(self.confirm(hold, ("PB", 1)))) == "CONFIRMED"


class TestShares:
    """A sale over two warehouses leaves them one by one."""

    @pytest.fixture
    def sold(self, make_cart: MakeCart) -> Reservation:
        draws = (replace(ORDINARY, quantity=1), replace(ORDINARY, warehouse_code="SUB1", quantity=2))
        made = decided(make_cart({"CUP": 3}), draws, (NOW, NOW + timedelta(minutes=1)))
        return replace(made, state=STATE.CONFIRMED, resolve_time=NOW)

    @staticmethod
    def ship(sold: Reservation, warehouse_code: str = "") -> Resolution:
        return replace(wish(sold, Verb.SHIP), warehouse_code=warehouse_code)

    def test_it_is_shipped_when_the_last_has_left(self, sold: Reservation) -> None:
        deciding = resolver(sold)
        answers = [said(deciding.decide(self.ship(sold, code))) for code in ("SUB1", "SUB1", "JKT1")]
        assert answers == ["CONFIRMED", "NOTHING_TO_SHIP SUB1", "SHIPPED"]
        assert [change.resolves for change in deciding.changed] == [False, True]
        assert [
            [(verb, draw.warehouse_code, draw.quantity) for verb, draw in change.moved]
            for change in deciding.changed
        ] == [[(Verb.SHIP, "SUB1", 2)], [(Verb.SHIP, "JKT1", 1)]]

    def test_without_a_warehouse_what_is_left_leaves_at_once(self, sold: Reservation) -> None:
        deciding = resolver(sold)
        deciding.decide(self.ship(sold, "JKT1"))
        assert said(deciding.decide(self.ship(sold))) == "SHIPPED"
        assert [draw.warehouse_code for _, draw in deciding.changed[-1].moved] == ["SUB1"]

    def test_what_has_left_in_part_is_not_taken_back(self, sold: Reservation) -> None:
        deciding = resolver(sold)
        deciding.decide(self.ship(sold, "SUB1"))
        assert said(deciding.decide(wish(sold, Verb.CANCEL))) == "ALREADY_SHIPPED SUB1"

    def test_a_confirm_is_answered_again_as_nothing_had_left(self, sold: Reservation) -> None:
        stored = Earlier(sold.reservation_id, Verb.CONFIRM.value, STATE.CONFIRMED, b"content", NOW)
        for codes in (["SUB1"], ["SUB1", "JKT1"]):
            deciding = resolver(sold, now=NOW + timedelta(hours=1))
            for code in codes:
                deciding.decide(self.ship(sold, code))
            deciding.earlier["once"] = stored
            assert deciding.decide(wish(sold, Verb.CONFIRM, "once")) == sold


def test_the_id_of_a_reserve_is_no_other_requests(hold: Reservation) -> None:
    made = Earlier(hold.reservation_id, RESERVE, STATE.HELD, b"content", NOW)
    for verb in (Verb.CONFIRM, Verb.RELEASE, Verb.EXTEND, Verb.CANCEL):
        deciding = Resolver({hold.reservation_id: hold}, {"made": made}, set(), NOW)
        assert said(deciding.decide(wish(hold, verb, "made"))) == "REQUEST_ID_REUSED"
        assert deciding.changed == deciding.answered == []


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

    def test_one_that_nobody_touched_is_handed_out_as_it_is(self, hold: Reservation) -> None:
        """Nearly every answer is: no copy of it is made."""
        assert as_made(hold) is hold

    def test_a_reservation_says_everything_that_was_asked(self, make_cart: MakeCart) -> None:
        cart = replace(
            make_cart({"PB": 2}, sale="SALE", customer="ani"),
            durability=Durability.SOFT,
            actor="storefront:web",
            traceparent="00-trace",
        )
        later = NOW + timedelta(minutes=1)
        assert decided(cart, (FROM_ESCROW,), (NOW, later)) == Reservation(
            reservation_id=cart.reservation_id,
            request_id=cart.request_id,
            content_hash=cart.content_hash,
            state=STATE.HELD,
            lines=cart.lines,
            channel_code="web",
            customer_reference="ani",
            flash_sale_code="SALE",
            durability=Durability.SOFT,
            deadline=later,
            create_time=NOW,
            resolve_time=None,
            order=None,
            refusal=None,
            actor="storefront:web",
            traceparent="00-trace",
            draws=(FROM_ESCROW,),
        )

    def test_a_refusal_is_a_reservation_that_holds_nothing(self, make_cart: MakeCart) -> None:
        refusal = Refusal("OUT_OF_STOCK", "none left")
        made = decided(make_cart({"A": 1}), refusal, (NOW, NOW))
        assert (made.state, made.draws, made.refusal) == (STATE.REFUSED, (), refusal)
        assert as_made(made) is made
