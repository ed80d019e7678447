"""How a sale is split, which pool serves a cart, and which units move."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.flash_sales import FlashSale, FlashSaleItem, shown_code
from lumbung_stock.domain.pools import Move, combinations_of, gather, home_of, in_order, shares, split, whole
from lumbung_stock.domain.settle import CustomerLimits

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeCart, MakeSale

ITEMS = st.dictionaries(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["W1", "W2", "W3"])), st.integers(1, 50), min_size=1
)


def of(quotas: dict[tuple[str, str], int], *, limit: int = 0) -> tuple[FlashSaleItem, ...]:
    return tuple(FlashSaleItem(sku, house, quota, limit) for (sku, house), quota in quotas.items())


class TestSplit:
    def test_one_gate_stays_one(self, make_sale: MakeSale) -> None:
        sale = make_sale("SALE", {"A": 5, "B": 3})
        assert split(sale) == sale
        houses = replace(sale, items=of({("A", "W1"): 5, ("B", "W2"): 3}))
        assert split(houses) == houses

    def test_a_quota_is_shared_as_evenly_as_whole_units_allow(self, make_sale: MakeSale) -> None:
        sale = split(make_sale("SALE", {"A": 7, "B": 1}, pool_count=3))
        assert [pool.flash_sale_code for pool in sale.pools] == ["SALE~01", "SALE~02", "SALE~03"]
        assert [[item.quota for item in pool.items] for pool in sale.pools] == [[3, 1], [2, 0], [2, 0]]
        assert {shown_code(pool.flash_sale_code) for pool in sale.pools} == {"SALE"}
        assert {pool.pool_count for pool in sale.pools} == {1}
        assert sale.pool_count == 3

    def test_together_they_are_the_sale_again(self, make_sale: MakeSale) -> None:
        first = FlashSaleItem("A", "W1", 9, 2, remaining=4, shipped=2, returned=1)
        second = FlashSaleItem("A", "W1", 7, 2, remaining=3, shipped=1, returned=2)
        one = make_sale("SALE~01", {}, items=(first,), epoch=4)
        two = make_sale("SALE~02", {}, items=(second,), epoch=3, gate_armed=False)
        sale = whole(make_sale("SALE", {}, items=(), epoch=2), [one, two])
        assert sale.items == (FlashSaleItem("A", "W1", 16, 2, remaining=7, shipped=3, returned=3),)
        assert (sale.epoch, sale.gate_armed) == (4, False)
        assert sale.on_postgres_since is None
        first_away, then_away = sale.start_time, sale.start_time + timedelta(seconds=1)
        served = [replace(one, on_postgres_since=then_away), replace(two, on_postgres_since=first_away)]
        assert whole(sale, served).on_postgres_since == first_away
        later = whole(replace(sale, epoch=5), [one, replace(two, gate_armed=True)])
        assert (later.epoch, later.gate_armed) == (5, True)

    def test_a_sale_without_pools_is_shown_by_its_own_code(self) -> None:
        assert shown_code("SALE") == "SALE"

    @given(quotas=ITEMS, count=st.integers(1, 4))
    def test_no_unit_is_lost_and_every_pool_has_every_sku_once(
        self, make_sale: MakeSale, quotas: dict[tuple[str, str], int], count: int
    ) -> None:
        sale = split(make_sale("SALE", {}, items=of(quotas), pool_count=count))
        found: Counter[tuple[str, str]] = Counter()
        for gated in sale.gated:
            assert sorted(item.sku_code for item in gated.items) == sorted({sku for sku, _ in quotas})
            for item in gated.items:
                found[item.sku_code, item.warehouse_code] += item.quota
        assert +found == Counter(quotas)
        if sale.pools:
            assert {
                (item.sku_code, item.warehouse_code): item.quota for item in whole(sale, sale.pools).items
            } == quotas

    @given(quotas=ITEMS, house=st.sampled_from(["W1", "W2", "W3"]))
    def test_whatever_a_warehouse_has_is_together_in_one_pool(
        self, quotas: dict[tuple[str, str], int], house: str
    ) -> None:
        there = {sku for sku, place in quotas if place == house}
        combinations = combinations_of(of(quotas))
        assert any(all(each[sku] == house for sku in there) for each in combinations)

    @given(units=st.integers(0, 1000), parts=st.integers(1, 64))
    def test_shares(self, units: int, parts: int) -> None:
        found = shares(units, parts)
        assert (sum(found), len(found)) == (units, parts)
        assert max(found) - min(found) <= 1


def in_pools(make_sale: MakeSale, *free: dict[str, int], limit: int = 0) -> FlashSale:
    """A sale whose pools have so many units free."""
    pools = [make_sale(f"SALE~0{number}", units, limit=limit) for number, units in enumerate(free, start=1)]
    return whole(make_sale("SALE", {}, items=()), pools)


class TestOrder:
    def test_every_pool_is_some_carts_home_and_the_others_follow(
        self, make_sale: MakeSale, make_cart: MakeCart
    ) -> None:
        sale = in_pools(make_sale, *({"A": 5} for _ in range(4)))
        orders = {
            tuple(p.flash_sale_code[-1] for p in in_order(sale, make_cart({"A": 1}))) for _ in range(100)
        }
        assert orders == {
            ("1", "2", "3", "4"),
            ("2", "3", "4", "1"),
            ("3", "4", "1", "2"),
            ("4", "1", "2", "3"),
        }

    def test_the_same_request_comes_home_again(self, make_sale: MakeSale, make_cart: MakeCart) -> None:
        sale = in_pools(make_sale, *({"A": 5} for _ in range(4)))
        carts = [make_cart({"A": 1}, request_id="once", customer=name) for name in ("ani", "budi", "")]
        assert len({in_order(sale, cart)[0].flash_sale_code for cart in carts}) == 1

    def test_a_customer_with_a_limit_comes_home_with_every_request(
        self, make_sale: MakeSale, make_cart: MakeCart
    ) -> None:
        sale = in_pools(make_sale, *({"A": 5} for _ in range(4)), limit=2)
        homes = {in_order(sale, make_cart({"A": 1}, customer="ani"))[0].flash_sale_code for _ in range(20)}
        assert len(homes) == 1

    def test_a_home_is_the_same_in_every_process(self) -> None:
        assert [home_of(key, ["a", "b", "c", "d"]) for key in ("ani", "budi", "citra")] == [0, 3, 2]
        pools = [str(number) for number in range(64)]
        assert [home_of(key, pools) for key in ("ani", "budi", "citra", "")] == [36, 59, 18, 52]

    def test_only_pools_of_the_warehouse_that_is_named(
        self, make_sale: MakeSale, make_cart: MakeCart
    ) -> None:
        sale = split(make_sale("SALE", {}, items=of({("A", "W1"): 4, ("A", "W2"): 4}), pool_count=2))
        named = in_order(sale, make_cart({"A": 1}, warehouse="W2"))
        assert {pool.flash_sale_code for pool in named} == {"SALE~03", "SALE~04"}
        assert len(in_order(sale, make_cart({"A": 1}))) == 4


class TestGather:
    def test_the_fewest_units_move_from_the_fullest_pools(
        self, make_sale: MakeSale, make_cart: MakeCart
    ) -> None:
        sale = in_pools(make_sale, {"A": 1}, {"A": 3}, {"A": 2})
        assert gather(sale.pools, make_cart({"A": 5})) == [Move("SALE~03", "SALE~02", "A", 2)]
        assert gather(sale.pools, make_cart({"A": 6})) == [
            Move("SALE~03", "SALE~02", "A", 2),
            Move("SALE~01", "SALE~02", "A", 1),
        ]

    def test_nothing_moves_when_it_would_not_help(self, make_sale: MakeSale, make_cart: MakeCart) -> None:
        sale = in_pools(make_sale, {"A": 1, "B": 1}, {"A": 3, "B": 0})
        assert gather(sale.pools, make_cart({"A": 5})) == []
        assert gather(sale.pools, make_cart({"A": 4, "B": 2})) == []
        helped = gather(sale.pools, make_cart({"A": 4, "B": 1}))
        assert {(move.from_pool, move.sku_code, move.quantity) for move in helped} == {
            ("SALE~01", "A", 1),
            ("SALE~01", "B", 1),
        }

    def test_of_equally_full_pools_the_first_by_its_code_is_stopped(
        self, make_sale: MakeSale, make_cart: MakeCart
    ) -> None:
        """Whichever of them is the cart's home."""
        sale = in_pools(make_sale, {"A": 2}, {"A": 2}, {"A": 3})
        target, *others = sale.pools[2], sale.pools[1], sale.pools[0]
        assert gather([target, *others], make_cart({"A": 4})) == [Move("SALE~01", "SALE~03", "A", 1)]

    def test_units_stay_in_their_warehouse(self, make_sale: MakeSale, make_cart: MakeCart) -> None:
        here = make_sale("SALE~01", {"A": 2})
        there = replace(
            here, flash_sale_code="SALE~02", items=(replace(here.items[0], warehouse_code="SBY1"),)
        )
        assert gather([here, there], make_cart({"A": 3})) == []


class TestLimits:
    def test_what_was_bought_elsewhere_and_in_this_batch_counts(self, make_cart: MakeCart) -> None:
        limits = CustomerLimits({"A": 3}, {("ani", "A"): 1})
        cart = make_cart({"A": 2, "B": 9}, customer="ani")
        assert limits.refusal(cart) is None
        limits.count(cart)
        refused = limits.refusal(make_cart({"A": 1}, customer="ani"))
        assert refused is not None
        assert refused.reason == "CUSTOMER_LIMIT_REACHED"
        assert limits.refusal(make_cart({"B": 9}, customer="ani")) is None
        assert limits.refusal(make_cart({"A": 3}, customer="budi")) is None
