"""Sales in pools: hotter than one shard, or out of several warehouses. To those who buy, one sale like any other."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import availability_pb2 as availability_pb
from lumbung.stock.v1 import availability_pb2_grpc
from lumbung.stock.v1 import events_pb2 as events_pb
from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_stock.domain.flash_sales import POOL_MARK

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


async def open_pools(
    shop: Shop, quotas: dict[str, int], *, pools: int, limit: int = 0, elsewhere: dict[str, int] | None = None
) -> sales_pb.FlashSale:
    """An open sale in pools; `elsewhere` are quotas of a second warehouse, SBY1."""
    plan = shop.plan("SALE", quotas, limit=limit)
    plan.pool_count = pools
    for sku, quota in (elsewhere or {}).items():
        plan.items.add(sku_code=sku, warehouse_code="SBY1", quota=quota, limit_per_customer=limit)
    await shop.sales.PlanFlashSale(plan)
    return await shop.open("SALE")


async def two_houses(shop: Shop, sku: str, here: int, there: int) -> None:
    """A SKU with units in both warehouses."""
    await shop.put(sku, here)
    await shop.put_warehouse("SBY1", priority=2)
    await shop.put(sku, there, warehouse="SBY1")


async def pools(shop: Shop) -> dict[str, int]:
    """Free units of A, by pool."""
    rows = await shop.rows("SELECT flash_sale_code, remaining FROM flash_sale_item WHERE sku_code = 'A'")
    return dict(rows)


async def nothing_owed(shop: Shop) -> bool:
    """Whether the gates have heard of all units given back."""
    return await shop.scalar("SELECT count(*) FROM flash_credit") == 0


class TestViews:
    """What callers see of a sale in pools: the sale, with its figures summed."""

    async def test_the_sale_is_shown_whole(self, shop: Shop) -> None:
        await shop.put("A", 100)
        opened = await open_pools(shop, {"A": 10}, pools=4)
        assert (opened.flash_sale_code, opened.pool_count) == ("SALE", 4)
        assert opened.gate_armed
        assert [(item.sku_code, item.quota) for item in opened.items] == [("A", 10)]
        assert sorted((await pools(shop)).values()) == [2, 2, 3, 3]
        listed = await shop.sales.ListFlashSales(sales_pb.ListFlashSalesRequest())
        assert [sale.flash_sale_code for sale in listed.flash_sales] == ["SALE"]
        found = await shop.sales.GetFlashSale(sales_pb.GetFlashSaleRequest(flash_sale_code="SALE"))
        assert found.flash_sale == opened

    async def test_figures_are_those_of_all_pools_together(self, shop: Shop) -> None:
        await two_houses(shop, "A", 20, 20)
        await open_pools(shop, {"A": 7}, pools=2, elsewhere={"A": 6})
        held = await shop.hold({"A": 1}, sale="SALE")
        stub = availability_pb2_grpc.AvailabilityServiceStub(shop.channel)
        ask = availability_pb.GetAvailabilityRequest(sku_code="A", channel_code="web")
        figures = (await stub.GetAvailability(ask)).availability  # type: ignore[misc]
        assert (figures.flash_sale_code, figures.flash_sale_available, figures.escrow) == ("SALE", 12, 13)
        ask.warehouse_code = "SBY1"
        there = (await stub.GetAvailability(ask)).availability  # type: ignore[misc]
        assert there.flash_sale_available == 6 - (held.draws[0].warehouse_code == "SBY1")
        explained = await stub.ExplainAvailability(  # type: ignore[misc]
            availability_pb.ExplainAvailabilityRequest(sku_code="A")
        )
        shares = {
            (share.flash_sale_code, share.warehouse_code): (share.quota, share.remaining + share.held)
            for share in explained.escrows
        }
        assert shares == {("SALE", "JKT1"): (7, 7), ("SALE", "SBY1"): (6, 6)}

    async def test_the_report_sums_the_pools_and_counts_every_answer(self, shop: Shop) -> None:
        await shop.put("A", 10)
        await open_pools(shop, {"A": 4}, pools=2)
        holds = [await shop.hold({"A": 1}, sale="SALE") for _ in range(4)]
        await shop.confirm(holds[0])
        assert (
            await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE"))) == "OUT_OF_STOCK"
        )
        report = await shop.sales.ReportFlashSale(sales_pb.ReportFlashSaleRequest(flash_sale_code="SALE"))
        (item,) = report.items
        assert (item.quota, item.remaining, item.held, item.sold) == (4, 0, 3, 1)
        assert {answer.reason: answer.count for answer in report.answers} == {"HELD": 4, "OUT_OF_STOCK": 1}
        assert report.oversold_units == 0

    async def test_no_caller_ever_sees_a_pool(self, shop: Shop) -> None:
        await shop.put("A", 10)
        await open_pools(shop, {"A": 4}, pools=3)
        held = await shop.hold({"A": 2}, sale="SALE")
        confirmed = await shop.confirm(held)
        refused = await shop.refusal(shop.reservations.Reserve(shop.ask({"A": 5}, sale="SALE")))
        await shop.close_sale("SALE")
        events = [
            events_pb.Event.FromString(payload)
            for (payload,) in await shop.rows(
                "SELECT payload FROM event_log UNION ALL SELECT payload FROM event_outbox"
            )
        ]
        assert len(events) > 5
        for message in (held, confirmed, refused, await shop.get(held), *events):
            assert POOL_MARK not in str(message)
        assert held.flash_sale_code == "SALE"

    async def test_a_pool_cannot_be_named(self, shop: Shop) -> None:
        await shop.put("A", 10)
        await open_pools(shop, {"A": 4}, pools=2)
        failure = await shop.refused(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE~01")))
        assert failure.reason == "BAD_INPUT"


class TestReserve:
    """Which pool gives, and that together they give the quota and no unit more."""

    async def test_many_buyers_get_exactly_the_quota_whatever_pool_is_theirs(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 50}, pools=4)
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(120)]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert answers == {"HELD": 50, "OUT_OF_STOCK": 70}
        again = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert again == answers
        assert await pools(shop) == {f"SALE~0{number}": 0 for number in range(1, 5)}
        assert len(await shop.rows("SELECT DISTINCT flash_sale_code FROM reservation WHERE state = 1")) == 4
        await shop.require_conserved()

    async def test_units_that_lie_apart_are_brought_together(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 16}, pools=8)
        assert [
            await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 5}, sale="SALE"))) for _ in range(4)
        ] == [
            "HELD",
            "HELD",
            "HELD",
            "OUT_OF_STOCK",
        ]
        await shop.hold({"A": 1}, sale="SALE")
        assert sum((await pools(shop)).values()) == 0
        await shop.require_conserved()

    async def test_a_cart_of_two_skus_finds_both_in_one_pool(self, shop: Shop) -> None:
        for sku in "AB":
            await shop.put(sku, 10)
        await open_pools(shop, {"A": 1, "B": 1}, pools=2)
        await shop.hold({"A": 1, "B": 1}, sale="SALE")
        await shop.require_conserved()

    async def test_moves_of_many_at_once_give_what_there_is(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 12}, pools=4)
        asks = [shop.ask({"A": 2}, sale="SALE") for _ in range(12)]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert answers == {"HELD": 6, "OUT_OF_STOCK": 6}
        await shop.require_conserved()

    async def test_a_limit_holds_over_all_pools(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 8}, pools=4, limit=3)
        asks = [shop.ask({"A": 1}, sale="SALE", customer="ani") for _ in range(10)]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert answers["HELD"] == 3
        assert set(answers) <= {"HELD", "CUSTOMER_LIMIT_REACHED", "OUT_OF_STOCK"}
        await shop.until(partial(nothing_owed, shop))
        others = [shop.ask({"A": 1}, sale="SALE", customer=f"c{number}") for number in range(9)]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in others))
        assert answers == {"HELD": 5, "OUT_OF_STOCK": 4}
        await shop.require_conserved()

    async def test_what_was_refused_for_the_limit_elsewhere_goes_back_to_that_gate(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 12}, pools=4, limit=4)
        await shop.hold({"A": 3}, sale="SALE", customer="ani")
        more = shop.ask({"A": 3}, sale="SALE", customer="ani")
        failure = await shop.refused(shop.reservations.Reserve(more))
        assert failure.reason == "CUSTOMER_LIMIT_REACHED"
        await shop.until(partial(nothing_owed, shop))
        for number in range(3):
            await shop.hold({"A": 3}, sale="SALE", customer=f"c{number}")
        await shop.require_conserved()

    async def test_the_same_request_on_two_replicas_is_one_hold(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 4}, pools=4)
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(6)]
        async with shop.replica() as other:
            answers = await asyncio.gather(
                *(
                    shop.outcome(on.reservations.Reserve(ask))
                    for ask in asks
                    for on in (shop, other, shop, other)
                )
            )
        by_request = [set(answers[start : start + 4]) for start in range(0, 24, 4)]
        assert sorted(by_request, key=str) == [{"HELD"}] * 4 + [{"OUT_OF_STOCK"}] * 2
        assert await shop.scalar("SELECT count(*) FROM reservation WHERE state = 1") == 4
        await shop.require_conserved()

    async def test_other_content_under_the_same_request_is_refused(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 8}, pools=4, limit=4)
        ask = shop.ask({"A": 1}, sale="SALE", customer="ani")
        await shop.reservations.Reserve(ask)
        for customer in ("budi", "citra", "dewi"):
            other = pb.ReserveRequest()
            other.CopyFrom(ask)
            other.customer_reference = customer
            assert await shop.outcome(shop.reservations.Reserve(other)) == "REQUEST_ID_REUSED"
        assert await shop.scalar("SELECT count(*) FROM reservation") == 1

        async def all_back() -> bool:
            gates = [await shop.gate.free_units(f"SALE~0{number}") for number in range(1, 5)]
            return sum(units["A"] for units in gates) == 7

        await shop.until(all_back)


class TestWarehouses:
    """A SKU out of several warehouses."""

    async def test_all_of_them_give(self, shop: Shop) -> None:
        await two_houses(shop, "A", 5, 5)
        await open_pools(shop, {"A": 3}, pools=1, elsewhere={"A": 2})
        holds = [await shop.hold({"A": 1}, sale="SALE") for _ in range(5)]
        assert sorted(hold.draws[0].warehouse_code for hold in holds) == ["JKT1"] * 3 + ["SBY1"] * 2
        assert (
            await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE"))) == "OUT_OF_STOCK"
        )
        await shop.require_conserved()

    async def test_who_names_one_gets_from_that_alone(self, shop: Shop) -> None:
        await two_houses(shop, "A", 5, 5)
        await open_pools(shop, {"A": 3}, pools=2, elsewhere={"A": 2})
        asks = [shop.ask({"A": 1}, sale="SALE", warehouse_code="SBY1") for _ in range(4)]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert answers == {"HELD": 2, "OUT_OF_STOCK": 2}
        drawn = await shop.rows("SELECT DISTINCT warehouse_code FROM reservation_draw")
        assert drawn == [("SBY1",)]

    async def test_units_never_move_between_warehouses(self, shop: Shop) -> None:
        await two_houses(shop, "A", 5, 5)
        await open_pools(shop, {"A": 2}, pools=1, elsewhere={"A": 2})
        assert (
            await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 3}, sale="SALE"))) == "OUT_OF_STOCK"
        )
        await shop.require_conserved()

    async def test_a_limit_holds_over_warehouses(self, shop: Shop) -> None:
        await two_houses(shop, "A", 5, 5)
        await open_pools(shop, {"A": 4}, pools=1, limit=3, elsewhere={"A": 4})
        asks = [
            shop.ask({"A": 1}, sale="SALE", customer="ani", warehouse_code=warehouse)
            for _ in range(4)
            for warehouse in ("JKT1", "SBY1")
        ]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert answers["HELD"] == 3
        assert set(answers) <= {"HELD", "CUSTOMER_LIMIT_REACHED", "OUT_OF_STOCK"}
        await shop.require_conserved()

    async def test_closing_gives_each_its_own_back(self, shop: Shop) -> None:
        await two_houses(shop, "A", 5, 6)
        await open_pools(shop, {"A": 4}, pools=2, elsewhere={"A": 5})
        held = await shop.hold({"A": 1}, sale="SALE")
        closed = await shop.close_sale("SALE")
        assert closed.flash_sale.state == sales_pb.FLASH_SALE_STATE_CLOSED
        house = held.draws[0].warehouse_code
        returned = {each.warehouse_code: each.quantity for each in closed.returned}
        assert returned == {"JKT1": 4 - (house == "JKT1"), "SBY1": 5 - (house == "SBY1")}
        assert await shop.free("A") == 10
        await shop.release(held)
        assert await shop.free("A") == 11
        await shop.require_conserved()


class TestRecovery:
    """Pools lose what Valkey had, one by one or all at once."""

    async def test_a_sale_in_pools_goes_on_after_valkey_lost_everything(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 30}, pools=3)
        holds = [await shop.hold({"A": 1}, sale="SALE") for _ in range(10)]
        await shop.valkey.flushdb()
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(25)]
        answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
        assert answers == {"HELD": 20, "OUT_OF_STOCK": 5}
        await shop.release(holds[0])
        await shop.require_conserved()

    async def test_closing_while_buyers_ask(self, shop: Shop) -> None:
        await shop.put("A", 100)
        await open_pools(shop, {"A": 60}, pools=3)
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(60)]
        calls = [asyncio.create_task(shop.outcome(shop.reservations.Reserve(ask))) for ask in asks]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await shop.close_sale("SALE")
        answers = await asyncio.gather(*calls)
        assert set(answers) <= {"HELD", "FLASH_SALE_NOT_OPEN"}
        assert await shop.free("A") == 100 - answers.count("HELD")
        assert await shop.scalar("SELECT sum(escrow) FROM level") == 0
        await shop.require_conserved()


async def test_a_pool_count_out_of_bounds_is_bad_input(shop: Shop) -> None:
    await shop.put("A", 10)
    for count in (-1, 17, 2**31 - 1):
        plan = shop.plan("SALE", {"A": 5})
        plan.pool_count = count
        failure = await shop.refused(shop.sales.PlanFlashSale(plan))
        assert [violation.field for violation in failure.fields] == ["pool_count"]
    houses = [f"W{number}" for number in range(5)]
    plan = shop.plan("SALE", {})
    plan.pool_count = 16
    for house in houses:
        plan.items.add(sku_code="A", warehouse_code=house, quota=1)
    failure = await shop.refused(shop.sales.PlanFlashSale(plan))
    assert [violation.field for violation in failure.fields] == ["pool_count"]


async def test_limits_of_one_sku_must_agree(shop: Shop) -> None:
    await two_houses(shop, "A", 5, 5)
    plan = shop.plan("SALE", {"A": 2}, limit=2)
    plan.items.add(sku_code="A", warehouse_code="SBY1", quota=1, limit_per_customer=1)
    failure = await shop.refused(shop.sales.PlanFlashSale(plan))
    assert [violation.field for violation in failure.fields] == ["items[1].limit_per_customer"]
