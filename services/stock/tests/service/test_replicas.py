"""Two replicas on the same stores: either answers everything, and one can go at any time."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung_stock.entrypoints import loops
from lumbung_stock.stores.leases import Leases

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

LEASES = "SELECT count(*) FROM lease WHERE starts_with(name, 'committer:') AND deadline > clock_timestamp()"


START_S_MAX = 60.0
"""How long a new process may take to start on a machine that has much else to do."""


async def held_in_the_end(shop: Shop) -> None:
    """One hold, asked for as often as the answer is not durable yet."""
    ask = shop.ask({"A": 1}, sale="SALE")
    outcomes = [await shop.outcome(shop.reservations.Reserve(ask))]
    while outcomes[-1] == "HOLD_PENDING":
        outcomes.append(await shop.outcome(shop.reservations.Reserve(ask)))
    assert outcomes[-1] == "HELD"


@asynccontextmanager
async def process(shop: Shop) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another replica, in a process of its own; killed at the end."""
    environment = os.environ | {
        "LUMBUNG_STOCK_POSTGRES_URL": shop.settings.postgres_url.get_secret_value(),
        "LUMBUNG_STOCK_VALKEY_URL": shop.settings.valkey_url.get_secret_value(),
        "LUMBUNG_STOCK_CATALOG_TARGET": shop.settings.catalog_target,
        "LUMBUNG_STOCK_LOG_LEVEL": "WARNING",
    }
    started = await asyncio.create_subprocess_exec(sys.executable, "-m", "lumbung_stock", env=environment)
    try:
        yield started
    finally:
        started.kill()
        await started.wait()


async def test_the_one_without_the_lease_answers_too(shop: Shop) -> None:
    await shop.put("A", 50)
    await shop.open_sale("SALE", {"A": 30})
    await shop.hold({"A": 1}, sale="SALE")
    async with shop.replica() as other:
        asks = [other.ask({"A": 1}, sale="SALE") for _ in range(60)]
        answers = await shop.outcomes(*(other.reservations.Reserve(ask) for ask in asks))
    assert answers == {"HELD": 29, "OUT_OF_STOCK": 31}
    await shop.require_conserved()


async def test_both_at_once_give_exactly_the_quota(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    await shop.put("A", 80)
    await shop.put("CABLE", 40)
    await shop.put("KIT", 0, bundle={"A": 1, "CABLE": 1})
    await shop.open_sale("SALE", {"A": 60}, limit=3)
    async with shop.replica() as other:
        asks = [
            shop.ask(
                {chance.choice(("A", "KIT")): chance.randint(1, 2)}, sale="SALE", customer=f"c{number % 50}"
            )
            for number in range(160)
        ]
        answers = await shop.outcomes(
            *(chance.choice((shop, other)).reservations.Reserve(ask) for ask in asks)
        )
        assert set(answers) <= {"HELD", "OUT_OF_STOCK", "CUSTOMER_LIMIT_REACHED"}
        item = await other.item("SALE", "A")
    assert (item.held + item.remaining, item.quota) == (60, 60)
    most = "SELECT max(units) FROM (SELECT sum(quantity) AS units FROM reservation JOIN reservation_draw"
    most += " USING (reservation_id) WHERE sku_code = 'A' GROUP BY customer_reference) AS had"
    assert await shop.scalar(most) <= 3
    await shop.require_conserved()


async def test_the_same_request_on_both_at_once_is_one_hold(shop: Shop) -> None:
    await shop.put("A", 50)
    await shop.open_sale("SALE", {"A": 30})
    ask = shop.ask({"A": 1}, sale="SALE")
    async with shop.replica() as other:
        answers = await asyncio.gather(
            *(on.reservations.Reserve(ask) for _ in range(10) for on in (shop, other))
        )
    assert len({answer.SerializeToString() for answer in answers}) == 1
    assert (await shop.item("SALE", "A")).remaining == 29
    await shop.until_gate_has("SALE", {"A": 29})


async def test_a_sale_that_one_has_opened_sells_on_the_other_at_once(shop: Shop) -> None:
    """The other has a copy in memory in which the sale is only planned: no refusal must come of that."""
    await shop.put("A", 50)
    async with shop.replica() as other:
        for code in ("S1", "S2", "S3"):
            await shop.sales.PlanFlashSale(shop.plan(code, {"A": 5}))
            early = shop.ask({"A": 1}, sale=code)
            assert await shop.outcome(other.reservations.Reserve(early)) == "FLASH_SALE_NOT_OPEN"
            await shop.open(code)
            assert await shop.outcome(other.reservations.Reserve(shop.ask({"A": 1}, sale=code))) == "HELD"


async def test_when_the_one_with_the_lease_goes_the_other_commits(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "LEASE_RETRY_S", 0.05)
    await shop.put("A", 50)
    async with shop.replica() as first:
        await first.open_sale("SALE", {"A": 30})
        await first.hold({"A": 1}, sale="SALE")
    await shop.hold({"A": 1}, sale="SALE")
    assert (await shop.item("SALE", "A")).held == 2
    await shop.require_conserved()


async def test_a_replica_that_is_paused_loses_its_lease_within_seconds(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.put("A", 50)

    async def never(self: Leases, name: str) -> bool:
        return False

    async def leased() -> bool:
        return await shop.scalar(LEASES) == 1

    with monkeypatch.context() as patch:
        patch.setattr(Leases, "take", never)
        await shop.open_sale("SALE", {"A": 30})
        async with process(shop) as other:
            async with asyncio.timeout(START_S_MAX):
                while not await leased():
                    await asyncio.sleep(0.05)
            patch.undo()
            other.send_signal(signal.SIGSTOP)
            await asyncio.gather(*(held_in_the_end(shop) for _ in range(5)))
            other.send_signal(signal.SIGCONT)
            await asyncio.gather(*(held_in_the_end(shop) for _ in range(5)))
            assert (await shop.item("SALE", "A")).held == 10
            await shop.require_conserved()


async def test_a_lease_is_kept_by_who_renews_it_and_taken_from_who_does_not(shop: Shop) -> None:
    first, second = Leases(shop.postgres, lease_s=60.0), Leases(shop.postgres)
    assert await first.take("work")
    assert await first.take("work")
    assert not await second.take("work")
    await second.give_up("work")
    assert not await second.take("work")
    await shop.sql.execute("UPDATE lease SET deadline = clock_timestamp()")
    assert await second.take("work")
    assert not await first.take("work")
    await second.give_up("work")
    assert await first.take("work")


async def test_a_sale_is_closed_by_one_while_buyers_ask_the_other(shop: Shop) -> None:
    await shop.put("A", 100)
    await shop.open_sale("SALE", {"A": 100})
    async with shop.replica() as other:
        asks = [other.ask({"A": 1}, sale="SALE") for _ in range(120)]
        calls = [asyncio.create_task(shop.outcome(other.reservations.Reserve(ask))) for ask in asks]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        await shop.close_sale("SALE")
        answers = Counter(await asyncio.gather(*calls))
        assert set(answers) <= {"HELD", "OUT_OF_STOCK", "FLASH_SALE_NOT_OPEN"}
        again = Counter([await shop.outcome(other.reservations.Reserve(ask)) for ask in asks])
    assert again == answers
    assert await shop.free("A") == 100 - answers["HELD"]
    await shop.require_conserved()


async def test_closing_on_both_at_once_closes_once(shop: Shop) -> None:
    await shop.put("A", 100)
    await shop.open_sale("SALE", {"A": 100})
    await shop.hold({"A": 7}, sale="SALE")
    async with shop.replica() as other:
        answers = await asyncio.gather(*(on.close_sale("SALE") for _ in range(4) for on in (shop, other)))
    assert {answer.flash_sale.state for answer in answers} == {sales_pb.FLASH_SALE_STATE_CLOSED}
    assert {answer.returned[0].quantity for answer in answers} == {93}
    assert await shop.scalar("SELECT escrow FROM level") == 0
    await shop.require_conserved()


async def test_one_lease_for_each_sale(shop: Shop) -> None:
    await shop.put("A", 100)
    async with shop.replica():
        for code in ("S1", "S2"):
            await shop.open_sale(code, {"A": 5})
            await shop.hold({"A": 1}, sale=code)
        assert await shop.scalar(LEASES) == 2
        await shop.close_sale("S1")

        async def given_up() -> bool:
            return await shop.scalar(LEASES) == 1

        await shop.until(given_up)
