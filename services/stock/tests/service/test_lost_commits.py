"""A database that has lost commits halts its sales; a person lets them go on, or ends them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_kit.failures import Kind
from lumbung_stock.entrypoints import loops
from lumbung_stock.stores.ledger_marks import MarkMemory
from lumbung_stock.stores.sale_book import SaleBook
from lumbung_stock.usecases.halt_after_lost_commits import HaltAfterLostCommits

if TYPE_CHECKING:
    from services.stock.tests.conftest import OpenShop, Shop

pytestmark = pytest.mark.store


async def lose_commits(shop: Shop) -> None:
    """What an older copy of the database would say."""
    await shop.until(partial(has_marks, shop))
    await shop.sql.execute("UPDATE ledger_mark SET number = 0")


async def has_marks(shop: Shop) -> bool:
    return await shop.scalar("SELECT number FROM ledger_mark") > 1


async def is_halted(shop: Shop, code: str = "SALE") -> bool:
    found = await shop.sales.GetFlashSale(pb.GetFlashSaleRequest(flash_sale_code=code))
    return found.flash_sale.HasField("halted_since")


def onlooker(shop: Shop) -> HaltAfterLostCommits:
    """A look of the test's own."""
    return HaltAfterLostCommits(shop.postgres, MarkMemory(shop.valkey), SaleBook(shop.ledger), shop.gate)


@pytest.fixture
async def quiet_shop(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A service that has looked once and looks no more."""
    monkeypatch.setattr(loops, "NOTICE_INTERVAL_S", 3600.0)
    shop = await open_shop()

    async def has_looked() -> bool:
        return await shop.scalar("SELECT number FROM ledger_mark") == 1

    await shop.until(has_looked)
    return shop


async def test_a_sale_whose_database_has_lost_commits_takes_no_reservations(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.put("B", 10)
    await shop.open_sale("SALE", {"A": 5})
    ask = shop.ask({"A": 1}, sale="SALE")
    held = (await shop.reservations.Reserve(ask)).reservation
    await lose_commits(shop)
    await shop.until(partial(is_halted, shop))
    refused = await shop.refused(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE")))
    assert (refused.kind, refused.reason) == (Kind.UNAVAILABLE, "FLASH_SALE_HALTED")
    assert refused.retry_after_s
    again = (await shop.reservations.Reserve(ask)).reservation
    assert again.reservation_id == held.reservation_id, "an answer that is known stays"
    assert await shop.outcome(shop.reservations.Reserve(shop.ask({"B": 1}))) == "HELD"
    await shop.confirm(held)
    assert await shop.scalar("SELECT count(*) FROM reservation WHERE flash_sale_code = 'SALE'") == 1
    await shop.require_conserved()


async def test_a_person_lets_it_go_on_and_the_same_request_is_answered_then(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 5})
    await shop.hold({"A": 2}, sale="SALE")
    await lose_commits(shop)
    await shop.until(partial(is_halted, shop))
    ask = shop.ask({"A": 3}, sale="SALE")
    assert await shop.outcome(shop.reservations.Reserve(ask)) == "FLASH_SALE_HALTED"
    resumed = await shop.open("SALE")
    assert resumed.gate_armed
    assert not resumed.HasField("halted_since")
    assert await shop.outcome(shop.reservations.Reserve(ask)) == "HELD"
    assert await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE"))) == "OUT_OF_STOCK"
    await shop.require_conserved()
    wrong = await shop.refused(
        shop.sales.OpenFlashSale(pb.OpenFlashSaleRequest(request_id=shop.new_id(), flash_sale_code="SALE"))
    )
    assert wrong.reason == "FLASH_SALE_WRONG_STATE"


async def test_or_ends_it(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 5})
    held = await shop.hold({"A": 2}, sale="SALE")
    await lose_commits(shop)
    await shop.until(partial(is_halted, shop))
    closed = await shop.close_sale("SALE")
    assert closed.flash_sale.state == pb.FLASH_SALE_STATE_CLOSED
    assert not closed.flash_sale.HasField("halted_since")
    assert await shop.free("A") == 8
    await shop.confirm(held)
    await shop.require_conserved()


async def test_a_halted_sale_is_not_closed_by_its_end_nor_set_up_by_whoever_watches(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 5})
    await lose_commits(shop)
    await shop.until(partial(is_halted, shop))
    await shop.sql.execute("UPDATE flash_sale SET start_time = now() - interval '2 hours', end_time = now()")
    assert await shop.ledger.ended_sales() == []
    assert await shop.ledger.running_sales() == []


async def test_pools_are_halted_with_their_sale_and_go_on_with_it(shop: Shop) -> None:
    await shop.put("A", 10)
    plan = shop.plan("SALE", {"A": 6})
    plan.pool_count = 2
    await shop.sales.PlanFlashSale(plan)
    await shop.open("SALE")
    await lose_commits(shop)
    await shop.until(partial(is_halted, shop))
    assert await shop.scalar("SELECT count(*) FROM flash_sale WHERE halted_since IS NOT NULL") == 3
    assert (await shop.open("SALE")).gate_armed
    assert await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 6}, sale="SALE"))) == "HELD"
    await shop.require_conserved()


async def test_replicas_that_look_at_once_raise_no_false_alarm(quiet_shop: Shop) -> None:
    looks = [onlooker(quiet_shop) for _ in range(3)]
    found = await asyncio.gather(*(look() for _ in range(15) for look in looks))
    assert found == [False] * 45


async def test_a_replica_that_started_later_knows_from_the_others(quiet_shop: Shop) -> None:
    before = onlooker(quiet_shop)
    for _ in range(3):
        assert not await before()
    await quiet_shop.sql.execute("UPDATE ledger_mark SET number = 0")
    assert await onlooker(quiet_shop)()


async def test_one_that_saw_it_needs_nobody_else(quiet_shop: Shop) -> None:
    before = onlooker(quiet_shop)
    for _ in range(3):
        assert not await before()
    await quiet_shop.sql.execute("UPDATE ledger_mark SET number = 0")
    await quiet_shop.valkey.flushdb()
    assert await before()
    assert not await before(), "it is said once"


async def test_a_loss_is_said_once_whoever_else_has_seen_what_was_lost(quiet_shop: Shop) -> None:
    one, other = onlooker(quiet_shop), onlooker(quiet_shop)
    for _ in range(3):
        assert not await one()
        assert not await other()
    await quiet_shop.sql.execute("UPDATE ledger_mark SET number = 0")
    assert await one()
    assert not await other(), "it would halt again what a person has let go on"
    assert not await one()
