"""The marketplace's own bookkeeping: its figure is all that it knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_dev.marketplace.shop import NotSold, OrderState, Shop, WrongState


@pytest.fixture
def shop() -> Shop:
    """A shop that shows three of one listing."""
    shop = Shop("tokoria")
    shop.put_listing("A", "Kopi", "KOPI-250", 45_000)
    shop.set_figure("A", 3, 1, "HARBOLNAS")
    return shop


def test_it_sells_while_its_own_figure_lasts(shop: Shop) -> None:
    order = shop.place("budi", "jne-reg", [("A", 2)], "")
    assert (shop.listings["A"].quantity, order.state) == (1, OrderState.WAITING)
    assert order.lines[0].sale_code == "HARBOLNAS"
    with pytest.raises(NotSold, match="sold_out"):
        shop.place("ani", "", [("A", 2)], "")


def test_the_same_listing_twice_in_one_order_is_summed(shop: Shop) -> None:
    with pytest.raises(NotSold, match="sold_out"):
        shop.place("budi", "", [("A", 2), ("A", 2)], "")
    assert shop.listings["A"].quantity == 3


@given(pushes=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=30))
def test_the_newest_version_wins_whatever_the_order(pushes: list[tuple[int, int]]) -> None:
    shop = Shop("tokoria")
    shop.put_listing("A", "Kopi", "", 0)
    for quantity, version in pushes:
        shop.set_figure("A", quantity, version, "")
    if pushes:
        newest = max(version for _, version in pushes)
        first = next(quantity for quantity, version in pushes if version == newest)
        assert (shop.listings["A"].version, shop.listings["A"].quantity) == (newest, first)


def test_a_repeated_push_does_not_undo_a_sale(shop: Shop) -> None:
    shop.place("budi", "", [("A", 1)], "")
    assert shop.set_figure("A", 3, 1, "").status == "applied"
    assert shop.listings["A"].quantity == 2


def test_a_cancellation_puts_back_and_a_rejection_does_not(shop: Shop) -> None:
    first, second = (shop.place("budi", "", [("A", 1)], "") for _ in range(2))
    shop.answer(first.order_id, "reject", "OUT_OF_STOCK", "")
    assert shop.listings["A"].quantity == 1
    shop.cancel(second.order_id, "salah pilih")
    assert shop.listings["A"].quantity == 2
    with pytest.raises(WrongState):
        shop.cancel(first.order_id, "")


def test_an_answer_repeated_or_too_late_changes_nothing(shop: Shop) -> None:
    order = shop.place("budi", "", [("A", 1)], "")
    assert shop.answer(order.order_id, "accept", "", "").status == "applied"
    assert shop.answer(order.order_id, "reject", "OUT_OF_STOCK", "").status == "applied"
    assert order.state is OrderState.ACCEPTED
    assert shop.answer("nobody", "accept", "", "").code == "order_unknown"
    assert shop.answer(order.order_id, "perhaps", "", "").code == "answer_unknown"


def test_only_what_was_accepted_can_come_back(shop: Shop) -> None:
    order = shop.place("budi", "", [("A", 1)], "")
    with pytest.raises(WrongState):
        shop.announce_return(order.order_id, "rusak")
    shop.answer(order.order_id, "accept", "", "")
    assert shop.announce_return(order.order_id, "rusak").return_id
