"""A sale closes by itself when its time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import events_pb2 as events_pb
from lumbung.stock.v1 import flash_sales_pb2 as pb
from lumbung_kit.failures import Kind

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

CLOSED = pb.FLASH_SALE_STATE_CLOSED


async def end(shop: Shop, code: str) -> None:
    """Moves a sale into the past; nothing else happens by itself."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    await shop.sql.execute(
        "UPDATE flash_sale SET start_time = %s, end_time = %s WHERE flash_sale_code = %s OR parent_code = %s",
        (past - timedelta(hours=1), past, code, code),
    )


async def is_closed(shop: Shop, code: str) -> bool:
    found = await shop.sales.GetFlashSale(pb.GetFlashSaleRequest(flash_sale_code=code))
    return found.flash_sale.state == CLOSED


async def closings(shop: Shop, code: str) -> int:
    """How often the world was told that the sale is closed."""
    rows = await shop.rows(
        "SELECT payload FROM event_log WHERE kind = 'flash_sale_changed'"
        " UNION ALL SELECT payload FROM event_outbox WHERE kind = 'flash_sale_changed'"
    )
    sales = [events_pb.Event.FromString(payload).flash_sale_changed.flash_sale for (payload,) in rows]
    return sum(sale.flash_sale_code == code and sale.state == CLOSED for sale in sales)


async def test_unsold_units_are_back_and_holds_stay_promised(shop: Shop) -> None:
    await shop.put("A", 20)
    await shop.open_sale("SALE", {"A": 10})
    held = await shop.hold({"A": 3}, sale="SALE")
    await end(shop, "SALE")
    await shop.until(partial(is_closed, shop, "SALE"))
    assert await shop.free("A") == 17
    await shop.confirm(held)
    await shop.require_conserved()
    assert (
        await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE")))
        == "FLASH_SALE_NOT_OPEN"
    )


async def test_only_the_one_that_has_ended(shop: Shop) -> None:
    await shop.put("A", 20)
    for code in ("OVER", "RUNS"):
        await shop.open_sale(code, {"A": 5})
    await end(shop, "OVER")
    await shop.until(partial(is_closed, shop, "OVER"))
    assert not await is_closed(shop, "RUNS")
    await shop.hold({"A": 1}, sale="RUNS")


async def test_several_replicas_close_it_once(shop: Shop) -> None:
    await shop.put("A", 20)
    await shop.open_sale("SALE", {"A": 10})
    await shop.hold({"A": 3}, sale="SALE")
    async with shop.replica(), shop.replica():
        await end(shop, "SALE")
        await shop.until(partial(is_closed, shop, "SALE"))
    assert await closings(shop, "SALE") == 1
    assert await shop.free("A") == 17
    await shop.require_conserved()


async def test_a_sale_in_pools_is_closed_whole(shop: Shop) -> None:
    await shop.put("A", 20)
    plan = shop.plan("SALE", {"A": 10})
    plan.pool_count = 3
    await shop.sales.PlanFlashSale(plan)
    await shop.open("SALE")
    await shop.hold({"A": 3}, sale="SALE")
    await end(shop, "SALE")
    await shop.until(partial(is_closed, shop, "SALE"))
    assert await shop.free("A") == 17
    assert await shop.scalar("SELECT count(*) FROM flash_sale WHERE state <> 4") == 0
    await shop.require_conserved()


async def test_a_sale_that_has_ended_cannot_be_opened(shop: Shop) -> None:
    await shop.put("A", 20)
    await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 10}))
    await end(shop, "SALE")
    before = await shop.dump()
    request = pb.OpenFlashSaleRequest(request_id=shop.new_id(), flash_sale_code="SALE")
    failure = await shop.refused(shop.sales.OpenFlashSale(request))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "FLASH_SALE_ENDED")
    assert await shop.dump() == before
