"""The reckoning finds what is broken: each promise, kept and broken, on records made by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from lumbung.stock.v1 import flash_sales_pb2, inventory_pb2, reservations_pb2
from lumbung_dev.demo import promises
from lumbung_dev.demo.cast import Buyer, Wish
from lumbung_dev.demo.diary import Ending, Purchase
from lumbung_dev.shop.goods import FLASH_SKU

CONFIRMED = reservations_pb2.RESERVATION_STATE_CONFIRMED


def bought(number: int, ending: Ending = Ending.SOLD) -> Purchase:
    buyer = Buyer(f"web-{number}", "web", Wish.SALE, ((FLASH_SKU, 1),), 0.0, "jne-reg")
    return Purchase(buyer, ending, reservation_id=f"r{number}", order_reference=f"WEB-{number}")


def reservation(
    number: int, state: reservations_pb2.ReservationState.ValueType = CONFIRMED, quantity: int = 1
) -> reservations_pb2.Reservation:
    return reservations_pb2.Reservation(
        reservation_id=f"r{number}",
        state=state,
        channel_code="web",
        lines=[reservations_pb2.ReserveLine(sku_code=FLASH_SKU, quantity=quantity)],
        draws=[reservations_pb2.Draw(sku_code=FLASH_SKU, quantity=quantity)],
        order=reservations_pb2.OrderDetails(order_reference=f"WEB-{number}"),
    )


def report(*, quota: int, sold: int, returned: int) -> flash_sales_pb2.ReportFlashSaleResponse:
    item = flash_sales_pb2.FlashSaleItemReport(sku_code=FLASH_SKU, quota=quota, sold=sold, returned=returned)
    return flash_sales_pb2.ReportFlashSaleResponse(items=[item])


def test_an_unanswered_buyer_is_named() -> None:
    assert promises.everybody_has_an_answer([bought(1)]).kept
    found = promises.everybody_has_an_answer([bought(1), bought(2, Ending.UNANSWERED)])
    assert not found.kept
    assert "web-2" in found.detail


def test_one_unit_beyond_the_quota_breaks_it() -> None:
    assert promises.quota_was_kept(500, 500).kept
    assert not promises.quota_was_kept(500, 501).kept


def test_a_hold_that_two_buyers_were_given_is_named() -> None:
    assert promises.no_hold_was_given_twice([bought(1), bought(2)]).kept
    found = promises.no_hold_was_given_twice([bought(1), bought(1)])
    assert (found.kept, found.detail) == (False, "r1")


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"r1": reservation(1, reservations_pb2.RESERVATION_STATE_EXPIRED)},
        {"r1": reservation(1, reservations_pb2.RESERVATION_STATE_HELD)},
        {"r1": reservation(1, quantity=2)},
        {"r1": reservation(2)},
    ],
)
def test_a_sale_that_stock_does_not_have_as_it_was_told_is_named(
    stored: dict[str, reservations_pb2.Reservation],
) -> None:
    assert promises.stock_says_what_buyers_were_told([bought(1)], {"r1": reservation(1)}).kept
    found = promises.stock_says_what_buyers_were_told([bought(1)], stored)
    assert not found.kept
    assert "web-1 was told sold" in found.detail


def test_a_leak_in_the_escrow_or_a_sale_that_no_buyer_knows_is_seen() -> None:
    told, stored = [bought(1)], {"r1": reservation(1)}
    assert promises.escrow_is_whole(report(quota=3, sold=1, returned=2), told, stored).kept
    leak = promises.escrow_is_whole(report(quota=3, sold=1, returned=1), told, stored)
    assert leak.detail == "quota 3, but its parts make 2"
    unknown = promises.escrow_is_whole(report(quota=3, sold=2, returned=1), told, stored)
    assert unknown.detail == "2 sold, but buyers know of 1"


def test_books_that_are_not_even_are_quoted() -> None:
    assert promises.books_are_even(inventory_pb2.CheckPromisesResponse()).kept
    found = promises.books_are_even(inventory_pb2.CheckPromisesResponse(oversold_units=2, leaked_holds=1))
    assert (found.kept, found.detail) == (False, "oversold 2; leaked holds 1")


def test_a_figure_that_is_not_what_the_ledger_gives_is_named() -> None:
    assert promises.ledger_is_true(inventory_pb2.VerifyLedgerResponse(entry_count=9)).kept
    difference = inventory_pb2.LedgerDifference(
        sku_code=FLASH_SKU, place_code="A01-01-1", stored_quantity=5, ledger_quantity=4
    )
    found = promises.ledger_is_true(inventory_pb2.VerifyLedgerResponse(differences=[difference]))
    assert not found.kept
    assert f"{FLASH_SKU} A01-01-1: 5 stored, 4 by the ledger" in found.detail


def test_a_sale_without_its_order_an_order_twice_and_an_order_without_a_sale_are_seen() -> None:
    sold = {"r1", "r2"}
    assert promises.every_sale_is_one_order(
        sold, Counter({"r1": 1, "r2": 1, "old": 1}), frozenset({"old"})
    ).kept
    assert not promises.every_sale_is_one_order(sold, Counter({"r1": 1}), frozenset()).kept
    assert not promises.every_sale_is_one_order(sold, Counter({"r1": 1, "r2": 2}), frozenset()).kept
    assert not promises.every_sale_is_one_order(sold, Counter({"r1": 1, "r2": 1, "r3": 1}), frozenset()).kept


def test_a_death_that_nobody_asked_for_is_told() -> None:
    assert promises.nobody_died_unasked([]).kept
    found = promises.nobody_died_unasked(["stock ended with exit code 1"])
    assert (found.kept, found.detail) == (False, "stock ended with exit code 1")
