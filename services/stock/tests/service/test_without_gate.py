"""A sale whose Valkey stays away goes on through Postgres, and goes back to its gate afterwards: not a unit too many,
no answer changed, nobody left waiting."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from pydantic import SecretStr

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.embedded.valkey import ValkeyServer
from lumbung_stock.usecases.commit_journal import CommitJournal

if TYPE_CHECKING:
    from services.stock.tests.conftest import MakeShop, Shop

pytestmark = pytest.mark.store

PATIENCE_S = 60.0
NOWHERE = {"valkey_url": SecretStr("redis://127.0.0.1:9/0")}
"""A Valkey that nobody reaches."""


@pytest_asyncio.fixture
async def shop(make_shop: MakeShop, own_valkey: ValkeyServer) -> AsyncIterator[Shop]:
    """A shop with a Valkey of its own, which is given up soon and soon trusted again."""
    async with AsyncExitStack() as stack:
        yield await make_shop(stack, own_valkey.url, gate_away_s_max=0.2, gate_steady_s=0.5)


class Committers:
    """Asleep, nothing of a journal is committed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.awake = asyncio.Event()
        self.awake.set()
        commit = CommitJournal.commit

        async def wait_and_commit(commits: CommitJournal, *args: object) -> None:
            await self.awake.wait()
            await commit(commits, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(CommitJournal, "commit", wait_and_commit)


@pytest.fixture
def committers(monkeypatch: pytest.MonkeyPatch) -> Committers:
    """The committers of every sale, to be put to sleep."""
    return Committers(monkeypatch)


async def until_on_postgres(shop: Shop, pools: int = 1) -> None:
    """Returns when Postgres serves the sale, or so many of its pools."""
    served = "SELECT count(*) FROM flash_sale WHERE on_postgres_since IS NOT NULL"
    await shop.until(partial(_counts, shop, served, pools))


async def until_at_its_gate(shop: Shop, pools: int = 1) -> None:
    """Returns when the sale, or so many of its pools, has its gate again."""
    gated = "SELECT count(*) FROM flash_sale WHERE gate_armed AND on_postgres_since IS NULL"
    await shop.until(partial(_counts, shop, gated, pools))


async def _counts(shop: Shop, statement: str, wanted: int) -> bool:
    return await shop.scalar(statement) == wanted


async def buy(shop: Shop, request: pb.ReserveRequest) -> str:
    """What one who asks once, and has the time, is told."""
    return await shop.outcome(shop.reservations.Reserve(request, timeout=PATIENCE_S))


async def sale_of(shop: Shop) -> sales_pb.FlashSale:
    """The sale as callers see it."""
    return (await shop.sales.GetFlashSale(sales_pb.GetFlashSaleRequest(flash_sale_code="SALE"))).flash_sale


async def open_pools(shop: Shop, quotas: dict[str, int], *, pools: int, limit: int = 0) -> None:
    """An open sale, split."""
    plan = shop.plan("SALE", quotas, limit=limit)
    plan.pool_count = pools
    await shop.sales.PlanFlashSale(plan)
    await shop.open("SALE")


class TestThereAndBack:
    """The quota is promised once over the whole, whoever serves it."""

    @pytest.mark.parametrize(
        ("setting", "unsafe", "safe"),
        [("maxmemory-policy", "volatile-lru", "noeviction"), ("appendonly", "no", "yes")],
    )
    async def test_a_valkey_that_may_forget_is_as_good_as_away(
        self, shop: Shop, setting: str, unsafe: str, safe: str
    ) -> None:
        await shop.put("A", 5)
        await shop.open_sale("SALE", {"A": 5})
        told = [await buy(shop, shop.ask({"A": 1}, sale="SALE"))]
        await shop.valkey.config_set(setting, unsafe)
        await until_on_postgres(shop)
        told += [await buy(shop, shop.ask({"A": 1}, sale="SALE")) for _ in range(2)]
        await shop.valkey.config_set(setting, safe)
        await until_at_its_gate(shop)
        told += [await buy(shop, shop.ask({"A": 1}, sale="SALE")) for _ in range(3)]
        assert told == ["HELD"] * 5 + ["OUT_OF_STOCK"]
        await shop.require_conserved()

    @pytest.mark.parametrize("lost", [False, True], ids=["with its data", "empty"])
    async def test_a_sale_through_a_valkey_that_is_killed_and_comes_back(
        self, shop: Shop, own_valkey: ValkeyServer, lost: bool
    ) -> None:
        await shop.put("A", 40)
        await shop.open_sale("SALE", {"A": 30}, limit=2)
        asks = [shop.ask({"A": 1}, sale="SALE", customer=f"c{n}") for n in range(45)]
        told = [await buy(shop, ask) for ask in asks[:10]]
        own_valkey.kill()
        told += await asyncio.gather(*(buy(shop, ask) for ask in asks[10:25]))
        assert told == ["HELD"] * 25
        sale = await sale_of(shop)
        assert sale.HasField("on_postgres_since")
        assert not sale.gate_armed
        if lost:
            shutil.rmtree(own_valkey.data_folder)
        own_valkey.start()
        await until_at_its_gate(shop)
        assert not (await sale_of(shop)).HasField("on_postgres_since")
        await shop.until_gate_has("SALE", {"A": 5})
        told += await asyncio.gather(*(buy(shop, ask) for ask in asks[25:]))
        assert Counter(told) == {"HELD": 30, "OUT_OF_STOCK": 15}
        assert [await shop.insisting(ask) for ask in asks] == told
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.require_conserved()

    async def test_while_hundreds_reserve(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 120)
        await shop.open_sale("SALE", {"A": 100})
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(300)]
        calls = [asyncio.create_task(shop.insisting(ask)) for ask in asks]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        own_valkey.kill()
        await until_on_postgres(shop)
        own_valkey.start()
        told = await asyncio.gather(*calls)
        assert Counter(told) == {"HELD": 100, "OUT_OF_STOCK": 200}
        await until_at_its_gate(shop)
        assert [await shop.insisting(ask) for ask in asks[:40]] == told[:40]
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.require_conserved()

    async def test_a_valkey_that_answers_nothing_any_more(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 5)
        await shop.open_sale("SALE", {"A": 3})
        own_valkey.pause()
        assert await buy(shop, shop.ask({"A": 2}, sale="SALE")) == "HELD"
        assert (await sale_of(shop)).HasField("on_postgres_since")
        own_valkey.resume()
        await until_at_its_gate(shop)
        await shop.until_gate_has("SALE", {"A": 1})
        await shop.require_conserved()

    async def test_a_sale_that_opens_without_valkey(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 5)
        await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 3}))
        own_valkey.kill()
        opened = await shop.sales.OpenFlashSale(
            sales_pb.OpenFlashSaleRequest(request_id=shop.new_id(), flash_sale_code="SALE"),
            timeout=PATIENCE_S,
        )
        assert opened.flash_sale.state == sales_pb.FLASH_SALE_STATE_OPEN
        assert opened.flash_sale.HasField("on_postgres_since")
        assert await buy(shop, shop.ask({"A": 2}, sale="SALE")) == "HELD"
        own_valkey.start()
        await until_at_its_gate(shop)
        await shop.until_gate_has("SALE", {"A": 1})

    async def test_what_the_gate_granted_goes_to_who_was_answered_first(
        self, shop: Shop, own_valkey: ValkeyServer, committers: Committers
    ) -> None:
        await shop.put("A", 1)
        await shop.open_sale("SALE", {"A": 1})
        early, late = shop.ask({"A": 1}, sale="SALE"), shop.ask({"A": 1}, sale="SALE")
        committers.awake.clear()
        gone = asyncio.create_task(buy(shop, early))
        await shop.until_gate_has("SALE", {"A": 0})
        gone.cancel()
        own_valkey.kill()
        assert await buy(shop, late) == "HELD"
        own_valkey.start()
        committers.awake.set()
        await until_at_its_gate(shop)
        assert await shop.insisting(early) == "OUT_OF_STOCK"
        assert await shop.insisting(late) == "HELD"
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.require_conserved()


class TestCallers:
    """Whoever waits while the sale changes hands is answered, once."""

    async def test_who_waits_for_the_group_commit_is_answered_by_postgres(
        self, shop: Shop, own_valkey: ValkeyServer, committers: Committers
    ) -> None:
        await shop.put("A", 2)
        await shop.open_sale("SALE", {"A": 1})
        ask = shop.ask({"A": 1}, sale="SALE")
        committers.awake.clear()
        waiting = asyncio.ensure_future(shop.reservations.Reserve(ask, timeout=PATIENCE_S))
        await shop.until_gate_has("SALE", {"A": 0})
        own_valkey.kill()
        first = await waiting
        committers.awake.set()
        own_valkey.start()
        await until_at_its_gate(shop)
        assert await shop.reservations.Reserve(ask, timeout=PATIENCE_S) == first
        await shop.until_gate_has("SALE", {"A": 0})
        assert await shop.scalar("SELECT count(*) FROM reservation") == 1
        await shop.require_conserved()

    async def test_the_same_request_is_told_the_same_on_both_sides(
        self, shop: Shop, own_valkey: ValkeyServer
    ) -> None:
        await shop.put("A", 5)
        await shop.open_sale("SALE", {"A": 2})
        held, refused = shop.ask({"A": 1}, sale="SALE"), shop.ask({"A": 3}, sale="SALE")
        first = await shop.reservations.Reserve(held)
        refusal = await shop.refusal(shop.reservations.Reserve(refused))
        released = pb.ReleaseRequest(
            request_id=shop.new_id(), reservation_id=first.reservation.reservation_id
        )
        await shop.reservations.Release(released)
        own_valkey.kill()
        await until_on_postgres(shop)
        assert await shop.reservations.Reserve(held) == first
        assert await shop.refusal(shop.reservations.Reserve(refused)) == refusal
        held.lines[0].quantity = 2
        assert await buy(shop, held) == "REQUEST_ID_REUSED"
        used = shop.ask({"A": 1}, sale="SALE")
        used.request_id = released.request_id
        assert await buy(shop, used) == "REQUEST_ID_REUSED"
        alike = [shop.ask({"A": 1}, sale="SALE")] * 5
        told = await asyncio.gather(*(shop.reservations.Reserve(ask, timeout=PATIENCE_S) for ask in alike))
        assert len({answer.reservation.reservation_id for answer in told}) == 1
        assert (await shop.item("SALE", "A")).remaining == 1
        await shop.require_conserved()

    async def test_a_batch_is_answered_whole(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 3})
        own_valkey.kill()
        request = pb.BatchReserveRequest(reservations=[shop.ask({"A": 1}, sale="SALE") for _ in range(5)])
        answers = await shop.reservations.BatchReserve(request, timeout=PATIENCE_S)
        outcomes = Counter(each.WhichOneof("outcome") for each in answers.outcomes)
        assert outcomes == {"reservation": 3, "refusal": 2}, "who of them is decided first is not promised"
        assert (await shop.item("SALE", "A")).held == 3
        await shop.require_conserved()

    async def test_one_replica_that_alone_cannot_reach_valkey(self, shop: Shop) -> None:
        """It sells all the same, and so do the others, until it is well or gone."""
        await shop.put("A", 20)
        await shop.open_sale("SALE", {"A": 10})
        assert await buy(shop, shop.ask({"A": 1}, sale="SALE")) == "HELD"
        async with shop.replica(**NOWHERE) as cut_off:
            asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(12)]
            told = await asyncio.gather(
                *(buy(where, ask) for ask, where in zip(asks, (shop, cut_off) * 6, strict=True))
            )
            assert Counter(told) == {"HELD": 9, "OUT_OF_STOCK": 3}
            assert (await sale_of(cut_off)).HasField("on_postgres_since")
            assert [await buy(cut_off, ask) for ask in asks] == told
        await until_at_its_gate(shop)
        assert [await shop.insisting(ask) for ask in asks] == told
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.require_conserved()


class TestEverythingElse:
    """What may happen to a sale happens to one without its gate too."""

    async def test_holds_are_confirmed_released_cancelled_and_expire(
        self, shop: Shop, own_valkey: ValkeyServer
    ) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 6})
        before = await shop.hold({"A": 1}, sale="SALE")
        own_valkey.kill()
        await until_on_postgres(shop)
        sold, back, late = [await shop.hold({"A": 1}, sale="SALE") for _ in range(3)]
        cancelled = await shop.confirm(await shop.hold({"A": 1}, sale="SALE"))
        await shop.confirm(sold)
        for given_up in (before, back):
            await shop.release(given_up)
        await shop.cancel(cancelled)
        await shop.let_deadline_pass(late)
        await shop.until_state(late, pb.RESERVATION_STATE_EXPIRED)
        item = await shop.item("SALE", "A")
        assert (item.remaining, item.held, item.sold) == (5, 0, 1)
        own_valkey.start()
        await until_at_its_gate(shop)
        await shop.until_gate_has("SALE", {"A": 5})
        await shop.require_conserved()

    async def test_the_quota_is_extended(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 1})
        own_valkey.kill()
        await until_on_postgres(shop)
        more = sales_pb.ExtendFlashSaleQuotaRequest(
            request_id=shop.new_id(),
            flash_sale_code="SALE",
            sku_code="A",
            warehouse_code="JKT1",
            quantity=3,
        )
        await shop.sales.ExtendFlashSaleQuota(more)
        await shop.hold({"A": 2}, sale="SALE")
        own_valkey.start()
        await until_at_its_gate(shop)
        await shop.until_gate_has("SALE", {"A": 2})
        await shop.require_conserved()

    async def test_it_is_closed_without_waiting_for_the_gate(
        self, shop: Shop, own_valkey: ValkeyServer
    ) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 6})
        own_valkey.kill()
        await until_on_postgres(shop)
        held = await shop.hold({"A": 2}, sale="SALE")
        closed = await shop.close_sale("SALE")
        assert closed.flash_sale.state == sales_pb.FLASH_SALE_STATE_CLOSED
        assert not closed.flash_sale.HasField("on_postgres_since")
        assert await shop.free("A") == 7
        assert await buy(shop, shop.ask({"A": 1}, sale="SALE")) == "FLASH_SALE_NOT_OPEN"
        await shop.release(held)
        assert await shop.free("A") == 9
        own_valkey.start()

        async def forgotten() -> bool:
            return await shop.scalar("SELECT count(*) FROM flash_sale WHERE gate_left") == 0

        await shop.until(forgotten)
        await shop.until_gate_has("SALE", {})
        await shop.require_conserved()

    async def test_limits_per_customer_hold(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 6}, limit=2)
        await shop.hold({"A": 1}, sale="SALE", customer="ani")
        own_valkey.kill()
        await until_on_postgres(shop)
        told = await asyncio.gather(
            *(buy(shop, shop.ask({"A": 1}, sale="SALE", customer="ani")) for _ in range(4))
        )
        assert Counter(told) == {"HELD": 1, "CUSTOMER_LIMIT_REACHED": 3}
        own_valkey.start()
        await until_at_its_gate(shop)
        again = shop.ask({"A": 1}, sale="SALE", customer="ani")
        assert await shop.insisting(again) == "CUSTOMER_LIMIT_REACHED"
        await shop.require_conserved()

    async def test_a_mixed_cart_has_all_its_lines_or_none(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 9)
        await shop.put("CABLE", 2)
        await shop.open_sale("SALE", {"A": 3})
        own_valkey.kill()
        await until_on_postgres(shop)
        told = [await buy(shop, shop.ask({"A": 1, "CABLE": 1}, sale="SALE")) for _ in range(3)]
        assert told == ["HELD", "HELD", "OUT_OF_STOCK"]
        assert (await shop.item("SALE", "A")).remaining == 1
        await shop.require_conserved()

    async def test_a_hold_that_may_be_soft_is_durable(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 3})
        own_valkey.kill()
        await until_on_postgres(shop)
        request = shop.ask({"A": 1}, sale="SALE")
        request.durability = pb.DURABILITY_SOFT
        held = (await shop.reservations.Reserve(request)).reservation
        assert held.durability == pb.DURABILITY_DURABLE
        assert (await shop.confirm(held)).state == pb.RESERVATION_STATE_CONFIRMED

    async def test_a_soft_hold_whose_gate_is_away_is_taken_anew(
        self, shop: Shop, own_valkey: ValkeyServer, committers: Committers
    ) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 1})
        committers.awake.clear()
        request = shop.ask({"A": 1}, sale="SALE")
        request.durability = pb.DURABILITY_SOFT
        soft = (await shop.reservations.Reserve(request)).reservation
        assert soft.durability == pb.DURABILITY_SOFT
        own_valkey.kill()
        await until_on_postgres(shop)
        confirmation = shop.confirmation(soft)
        pending = await shop.refused(shop.reservations.Confirm(confirmation, timeout=0.5))
        assert pending.kind in shop.PASSING
        confirmation.soft_hold.CopyFrom(request)
        sold = (await shop.reservations.Confirm(confirmation, timeout=PATIENCE_S)).reservation
        assert (sold.reservation_id, sold.state) == (soft.reservation_id, pb.RESERVATION_STATE_CONFIRMED)
        committers.awake.set()
        own_valkey.start()
        await until_at_its_gate(shop)
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.require_conserved()


class TestPools:
    """The pools of a sale are decided together while their gates are away."""

    async def test_no_cart_is_refused_while_another_pool_has_units(
        self, shop: Shop, own_valkey: ValkeyServer
    ) -> None:
        await shop.put("A", 9)
        await open_pools(shop, {"A": 4}, pools=4)
        own_valkey.kill()
        await until_on_postgres(shop, pools=4)
        told = [await buy(shop, shop.ask({"A": units}, sale="SALE")) for units in (2, 1, 2, 1, 1)]
        assert told == ["HELD", "HELD", "OUT_OF_STOCK", "HELD", "OUT_OF_STOCK"]
        await shop.require_conserved()
        own_valkey.start()
        await until_at_its_gate(shop, pools=4)
        assert await shop.scalar("SELECT sum(quota) FROM flash_sale_item") == 4
        assert await shop.insisting(shop.ask({"A": 1}, sale="SALE")) == "OUT_OF_STOCK"
        await shop.require_conserved()

    async def test_a_limit_holds_over_all_pools(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 9)
        await open_pools(shop, {"A": 8}, pools=4, limit=3)
        await shop.hold({"A": 1}, sale="SALE", customer="ani")
        own_valkey.kill()
        await until_on_postgres(shop, pools=4)
        told = await asyncio.gather(
            *(buy(shop, shop.ask({"A": 1}, sale="SALE", customer="ani")) for _ in range(6))
        )
        assert Counter(told) == {"HELD": 2, "CUSTOMER_LIMIT_REACHED": 4}
        await shop.require_conserved()

    async def test_some_pools_have_their_gates_and_some_have_not(self, shop: Shop) -> None:
        """As on a cluster of which one shard is away."""
        await shop.put("A", 9)
        await open_pools(shop, {"A": 6}, pools=3)
        for pool in ("SALE~01", "SALE~03"):
            epoch = await shop.scalar("SELECT epoch FROM flash_sale WHERE flash_sale_code = %s", pool)
            assert await shop.ledger.go_without_gate(pool, epoch)
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(9)]
        told = [await shop.insisting(ask) for ask in asks]
        assert Counter(told) == {"HELD": 6, "OUT_OF_STOCK": 3}
        await until_at_its_gate(shop, pools=3)
        assert [await shop.insisting(ask) for ask in asks] == told
        await shop.require_conserved()

    async def test_a_crowd_gets_exactly_the_quota(self, shop: Shop, own_valkey: ValkeyServer) -> None:
        await shop.put("A", 90)
        await open_pools(shop, {"A": 40}, pools=3)
        asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(120)]
        calls = [asyncio.create_task(shop.insisting(ask)) for ask in asks]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        own_valkey.kill()
        await until_on_postgres(shop, pools=3)
        own_valkey.start()
        told = await asyncio.gather(*calls)
        assert Counter(told) == {"HELD": 40, "OUT_OF_STOCK": 80}
        await until_at_its_gate(shop, pools=3)
        assert [await shop.insisting(ask) for ask in asks[:30]] == told[:30]
        await shop.require_conserved()
