"""What the committer decides for a batch of the journal: Postgres' escrow has the last word (P1, P5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lumbung_stock.domain.allocate import Allocator
from lumbung_stock.domain.answers import decided
from lumbung_stock.domain.carts import HOLDS_MAY_COME_BACK_S
from lumbung_stock.domain.flash_sales import HALTED_RETRY_S, FlashSaleItem, FlashSaleState, Taken, admit
from lumbung_stock.domain.levels import Level
from lumbung_stock.domain.reservation_failures import CustomerLimitReached, CustomerRequired, FlashSaleHalted
from lumbung_stock.domain.reservations import Draw, Refusal
from lumbung_stock.domain.settle import CustomerLimits, Escrow, limits_of, settle

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart, MakeSale

KIT = {"KIT": {"CABLE": 1, "PB": 2}}


def escrow(**remaining: int) -> Escrow:
    """Items of JKT1 with so many units free."""
    return Escrow([FlashSaleItem(sku, "JKT1", 100, 0, remaining=units) for sku, units in remaining.items()])


def ordinary(**free: int) -> Allocator:
    """Levels of JKT2 with so many units free."""
    levels = {("JKT2", sku): Level("JKT2", sku, units, 0, 0, 0, 0, 0, 0, 0) for sku, units in free.items()}
    return Allocator(levels, ["JKT2"])


def drawn(decision: Any) -> dict[str, tuple[int, bool]] | None:
    """Units and where from, per SKU; None for a refusal."""
    if isinstance(decision, Refusal):
        return None
    return {draw.sku_code: (draw.quantity, draw.from_escrow) for draw in decision}


def test_the_escrow_gives_what_it_has_in_order_of_the_journal(make_cart: MakeCart) -> None:
    free = escrow(PB=5)
    answers = [drawn(settle(make_cart({"PB": units}), free, ordinary())) for units in (3, 3, 2, 1)]
    assert answers == [{"PB": (3, True)}, None, {"PB": (2, True)}, None]


def test_a_mixed_cart_takes_each_sku_from_where_it_is(make_cart: MakeCart) -> None:
    cart = make_cart({"KIT": 2, "PB": 1}, bundles=KIT)
    assert drawn(settle(cart, escrow(PB=5), ordinary(CABLE=2))) == {"PB": (5, True), "CABLE": (2, False)}


@pytest.mark.parametrize(
    ("in_escrow", "in_levels", "blocking"), [(4, 2, "PB"), (5, 1, "CABLE"), (0, 0, "PB")]
)
def test_a_mixed_cart_that_is_short_anywhere_leaves_everything(
    make_cart: MakeCart, in_escrow: int, in_levels: int, blocking: str
) -> None:
    free, levels = escrow(PB=in_escrow), ordinary(CABLE=in_levels)
    decision = settle(make_cart({"KIT": 2, "PB": 1}, bundles=KIT), free, levels)
    assert isinstance(decision, Refusal)
    assert decision.lines[0].blocking_sku_code == blocking
    assert in_escrow == 0 or drawn(settle(make_cart({"PB": in_escrow}), free, levels)) == {
        "PB": (in_escrow, True)
    }
    assert in_levels == 0 or drawn(settle(make_cart({"CABLE": in_levels}), free, levels)) == {
        "CABLE": (in_levels, False)
    }


def test_a_unit_of_escrow_knows_its_warehouse(make_cart: MakeCart) -> None:
    assert settle(make_cart({"PB": 2}), escrow(PB=2), ordinary()) == (
        Draw("JKT1", "PB", 2, from_escrow=True),
    )


def test_what_is_given_back_to_the_escrow_is_added_to_what_is_left(make_cart: MakeCart) -> None:
    free = escrow(PB=5)
    taken = free.take(make_cart({"PB": 3}), {"PB": 3})
    assert not isinstance(taken, Refusal)
    free.give_back(taken)
    assert drawn(settle(make_cart({"PB": 5}), free, ordinary())) == {"PB": (5, True)}


def test_whoever_found_others_holding_it_all_may_try_again(make_cart: MakeCart) -> None:
    refusal = settle(make_cart({"PB": 1}), escrow(PB=0), ordinary())
    assert isinstance(refusal, Refusal)
    assert refusal.retry_delay_s == HOLDS_MAY_COME_BACK_S


class TestCustomerLimits:
    """What a customer had, before and in this batch, judged beside the escrow."""

    def test_who_was_granted_is_counted_and_who_was_refused_is_not(self, make_cart: MakeCart) -> None:
        limits, free = CustomerLimits({"PB": 2}, {}), escrow(PB=3)
        asked = [("ani", 2), ("budi", 2), ("budi", 1), ("ani", 1), ("budi", 1)]
        answers = [
            settle(make_cart({"PB": units}, customer=who), free, ordinary(), limits) for who, units in asked
        ]
        assert [answer.reason if isinstance(answer, Refusal) else "HELD" for answer in answers] == [
            "HELD",
            "OUT_OF_STOCK",
            "HELD",
            "CUSTOMER_LIMIT_REACHED",
            "OUT_OF_STOCK",
        ]

    def test_the_refusal_says_so_and_takes_nothing(self, make_cart: MakeCart) -> None:
        free = escrow(PB=3)
        limits = CustomerLimits({"PB": 2}, {("ani", "PB"): 1})
        refusal = settle(make_cart({"PB": 2}, customer="ani"), free, ordinary(), limits)
        assert refusal == Refusal(CustomerLimitReached.reason, CustomerLimitReached().message)
        assert drawn(settle(make_cart({"PB": 3}), free, ordinary())) == {"PB": (3, True)}

    def test_only_items_with_a_limit_have_one(self) -> None:
        items = [FlashSaleItem("PB", "JKT1", 9, 2), FlashSaleItem("CUP", "JKT1", 9, 0)]
        assert limits_of(items) == {"PB": 2}


def test_what_the_gate_refused_stays_refused_though_units_are_there(make_cart: MakeCart) -> None:
    refusal = Refusal("CUSTOMER_LIMIT_REACHED", "enough")
    assert settle(make_cart({"PB": 1}, refusal=refusal), escrow(PB=9), ordinary()) is refusal


class TestAdmit:
    """Who may draw on a sale at all."""

    def test_the_open_sale_of_the_channel_admits(self, make_cart: MakeCart, make_sale: MakeSale) -> None:
        sale = make_sale("SALE", {"PB": 5})
        assert admit(sale, make_cart({"PB": 1}), sale.start_time) is None

    @pytest.mark.parametrize("state", [state for state in FlashSaleState if state is not FlashSaleState.OPEN])
    def test_a_sale_in_another_state_does_not(
        self, make_cart: MakeCart, make_sale: MakeSale, state: FlashSaleState
    ) -> None:
        sale = make_sale("SALE", {"PB": 5}, state=state)
        refusal = admit(sale, make_cart({"PB": 1}), sale.start_time)
        assert refusal is not None
        assert refusal.reason == "FLASH_SALE_NOT_OPEN"
        assert refusal.message == "Flash sale SALE takes no reservations now."

    def test_the_end_belongs_to_the_time_after(self, make_cart: MakeCart, make_sale: MakeSale) -> None:
        sale = make_sale("SALE", {"PB": 5})
        cart = make_cart({"PB": 1})
        assert admit(sale, cart, sale.end_time - timedelta(microseconds=1)) is None
        refusal = admit(sale, cart, sale.end_time)
        assert refusal is not None
        assert refusal.reason == "FLASH_SALE_NOT_OPEN"

    def test_another_channel_is_not_admitted(self, make_cart: MakeCart, make_sale: MakeSale) -> None:
        sale = make_sale("SALE", {"PB": 5}, channel_codes=("tokoria",))
        refusal = admit(sale, make_cart({"PB": 1}), sale.start_time)
        assert refusal is not None
        assert refusal.reason == "CHANNEL_NOT_ON_SALE"
        assert refusal.message == "Flash sale SALE is not for channel web."

    def test_a_limit_needs_to_know_who_buys_also_through_a_bundle(
        self, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"PB": 5}, limit=2)
        for lines in ({"PB": 1}, {"KIT": 1}):
            with pytest.raises(CustomerRequired):
                admit(sale, make_cart(lines, bundles=KIT), sale.start_time)
        assert admit(sale, make_cart({"CABLE": 1}), sale.start_time) is None
        assert admit(sale, make_cart({"PB": 1}, customer="ani"), sale.start_time) is None

    def test_a_cart_that_wants_another_warehouse_gets_nothing_of_the_sale(
        self, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"PB": 5})
        assert admit(sale, make_cart({"PB": 1}, warehouse="JKT1"), sale.start_time) is None
        assert admit(sale, make_cart({"CABLE": 1}, warehouse="SBY1"), sale.start_time) is None
        refusal = admit(sale, make_cart({"CABLE": 1, "PB": 1}, warehouse="SBY1"), sale.start_time)
        assert refusal is not None
        assert [(line.sku_code, line.available_quantity) for line in refusal.lines] == [("PB", 0)]

    def test_a_halted_sale_answers_nobody_and_says_when_to_ask_again(
        self, make_cart: MakeCart, make_sale: MakeSale
    ) -> None:
        sale = make_sale("SALE", {"PB": 5})
        halted = replace(sale, halted_since=sale.start_time)
        with pytest.raises(FlashSaleHalted) as told:
            admit(halted, make_cart({"PB": 1}), sale.start_time)
        assert told.value.retry_after_s == HALTED_RETRY_S


def test_a_gate_is_told_of_what_came_out_of_its_escrow_alone(make_cart: MakeCart) -> None:
    cart = make_cart({"PB": 2, "CUP": 1}, customer="ani", sale="SALE")
    draws = (Draw("JKT1", "PB", 2, from_escrow=True), Draw("JKT1", "CUP", 1, from_escrow=False))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert Taken.by(decided(cart, draws, (now, now))) == (
        cart.reservation_id,
        cart.request_id,
        cart.content_hash,
        "ani",
        [("PB", 2)],
    )


@pytest.mark.parametrize("state", FlashSaleState)
@pytest.mark.parametrize("armed", [True, False])
def test_nobody_but_a_recovery_commits_under_an_epoch_whose_gate_is_not_armed(
    make_sale: MakeSale, state: FlashSaleState, armed: bool
) -> None:
    """The exhaustive model finds what happens otherwise (COMMIT_BEFORE_ARMED): a unit that two are promised."""
    sale = replace(make_sale("SALE", {"PB": 5}, state=state), gate_armed=armed)
    assert sale.commits_journal is (state is FlashSaleState.OPEN and armed)
