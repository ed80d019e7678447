"""A running sale through the loss of what it stands on: no unit lost or doubled, no answer changed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind
from lumbung_stock.entrypoints import loops
from lumbung_stock.usecases.commit_journal import CommitJournal
from lumbung_stock.usecases.settle_sale import begin_closing

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


async def rush(
    shop: Shop, asks: list[pb.ReserveRequest], trouble: Callable[[], Awaitable[object]]
) -> list[str]:
    """Everybody's answer, with trouble when a part of them has had theirs."""
    answered = 0
    enough = asyncio.Event()

    async def one(ask: pb.ReserveRequest) -> str:
        nonlocal answered
        said = await shop.insisting(ask)
        answered += 1
        if answered >= len(asks) // 8:
            enough.set()
        return said

    calls = [asyncio.create_task(one(ask)) for ask in asks]
    await enough.wait()
    await trouble()
    return list(await asyncio.gather(*calls))


@contextmanager
def paused(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """Committers fall asleep before their next batch until the event is set."""
    go_on, commit = asyncio.Event(), CommitJournal.commit

    async def wait_and_commit(self: CommitJournal, *args: object) -> None:
        await go_on.wait()
        await commit(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(CommitJournal, "commit", wait_and_commit)
        yield go_on
        go_on.set()


async def test_valkey_emptied_in_mid_sale(shop: Shop, seed: int) -> None:
    await shop.put("A", 60)
    await shop.open_sale("SALE", {"A": 50}, limit=2)
    asks = [shop.ask({"A": 1}, sale="SALE", customer=f"c{number}") for number in range(150)]
    random.Random(seed).shuffle(asks)
    answers = await rush(shop, asks, shop.valkey.flushdb)
    assert Counter(answers) == {"HELD": 50, "OUT_OF_STOCK": 100}
    assert [await shop.insisting(ask) for ask in asks[:40]] == answers[:40]
    await shop.require_conserved()
    held = await shop.scalar("SELECT count(DISTINCT customer_reference) FROM reservation WHERE state = 1")
    assert held == 50
    await shop.until_gate_has("SALE", {"A": 0})


async def test_postgres_hangs_up_on_everybody_in_mid_sale(shop: Shop) -> None:
    await shop.put("A", 60)
    await shop.open_sale("SALE", {"A": 50})
    asks = [shop.ask({"A": 1}, sale="SALE") for _ in range(150)]

    async def hang_up() -> None:
        for _ in range(3):
            await shop.admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'stock%%'"
            )

    answers = await rush(shop, asks, hang_up)
    assert Counter(answers) == {"HELD": 50, "OUT_OF_STOCK": 100}
    await shop.require_conserved()


async def test_a_grant_that_valkey_lost_before_it_was_durable_is_asked_for_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.put("A", 1)
    await shop.open_sale("SALE", {"A": 1})
    with paused(monkeypatch) as go_on:
        waiting = asyncio.create_task(shop.insisting(shop.ask({"A": 1}, sale="SALE")))
        await shop.until_gate_has("SALE", {"A": 0})
        await shop.valkey.flushdb()
        go_on.set()
        assert await waiting == "HELD"
    await shop.require_conserved()


async def test_who_cannot_be_told_in_time_hears_it_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.put("A", 1)
    await shop.open_sale("SALE", {"A": 1})
    ask = shop.ask({"A": 1}, sale="SALE")
    with paused(monkeypatch):
        failure = await shop.refused(shop.reservations.Reserve(ask, timeout=0.5))
        assert failure.kind in shop.PASSING
        assert await shop.scalar("SELECT count(*) FROM reservation") == 0
    assert await shop.insisting(ask) == "HELD"
    assert (await shop.item("SALE", "A")).held == 1


async def test_old_answers_survive_a_recovery(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 4}, limit=2)
    asks = {
        "held": shop.ask({"A": 1}, sale="SALE", customer="ani"),
        "confirmed": shop.ask({"A": 1}, sale="SALE", customer="budi"),
        "released": shop.ask({"A": 2}, sale="SALE", customer="citra"),
        "refused": shop.ask({"A": 3}, sale="SALE", customer="dewi"),
    }
    first = {name: await shop.reservations.Reserve(ask) for name, ask in asks.items() if name != "refused"}
    refusal = await shop.refusal(shop.reservations.Reserve(asks["refused"]))
    await shop.confirm(first["confirmed"].reservation)
    await shop.release(first["released"].reservation)
    await shop.valkey.flushdb()
    await shop.until_gate_has("SALE", {"A": 2})
    for name, answer in first.items():
        assert await shop.reservations.Reserve(asks[name]) == answer
    assert await shop.refusal(shop.reservations.Reserve(asks["refused"])) == refusal
    await shop.until_gate_has("SALE", {"A": 2})
    await shop.require_conserved()
    reused = asks["released"]
    reused.lines[0].quantity = 1
    assert await shop.outcome(shop.reservations.Reserve(reused)) == "REQUEST_ID_REUSED"


async def test_an_id_reused_after_a_recovery_does_not_take_the_first_answer_away(shop: Shop) -> None:
    """The new gate hears of the id with other content first."""
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 4})
    refused, released = shop.ask({"A": 5}, sale="SALE"), shop.ask({"A": 1}, sale="SALE")
    refusal = await shop.refusal(shop.reservations.Reserve(refused))
    first = await shop.reservations.Reserve(released)
    await shop.release(first.reservation)
    await shop.valkey.flushdb()
    await shop.until_gate_has("SALE", {"A": 4})
    for ask in (refused, released):
        other = pb.ReserveRequest()
        other.CopyFrom(ask)
        other.lines[0].quantity = 2
        for _ in range(2):
            assert await shop.outcome(shop.reservations.Reserve(other)) == "REQUEST_ID_REUSED"
    assert await shop.refusal(shop.reservations.Reserve(refused)) == refusal
    assert await shop.reservations.Reserve(released) == first
    await shop.until_gate_has("SALE", {"A": 4})
    await shop.require_conserved()


async def test_a_gap_is_repaired_while_buyers_never_stop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "GATE_INTERVAL_S", 0.05)
    await shop.put("A", 20_000)
    await shop.open_sale("SALE", {"A": 20_000})
    enough = asyncio.Event()

    async def buy() -> None:
        while not enough.is_set():
            await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 1}, sale="SALE")))

    async def repaired() -> bool:
        return await shop.scalar("SELECT max(epoch) FROM flash_sale WHERE gate_armed") > before

    buyers = [asyncio.create_task(buy()) for _ in range(20)]
    await shop.until(partial(has_sold, shop, 20))
    before = await shop.scalar("SELECT epoch FROM flash_sale")
    await shop.valkey.hincrby("lumbung:{SALE}:free", "A", 7)
    await shop.until(repaired)
    enough.set()
    await asyncio.gather(*buyers)
    await shop.until_gate_has("SALE", {"A": await shop.scalar("SELECT remaining FROM flash_sale_item")})
    await shop.require_conserved()


async def has_sold(shop: Shop, units: int) -> bool:
    """Whether so many units are held."""
    return await shop.scalar("SELECT count(*) FROM reservation WHERE state = 1") >= units


async def test_a_gate_that_disagrees_is_found_and_repaired(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "GATE_INTERVAL_S", 0.05)
    await shop.put("A", 10)
    await shop.open_sale("SALE", {"A": 5})
    held = await shop.hold({"A": 2}, sale="SALE")
    for wrong in ("0", "9"):
        await shop.valkey.hset("lumbung:{SALE}:free", "A", wrong)
        await shop.until_gate_has("SALE", {"A": 3})
    await shop.release(held)
    await shop.until_gate_has("SALE", {"A": 5})
    await shop.require_conserved()


class TestClosing:
    """P4: every unsold unit comes back, also when many are on their way."""

    async def test_while_hundreds_reserve(self, shop: Shop) -> None:
        await shop.put("A", 300)
        await shop.put("CABLE", 100)
        await shop.open_sale("SALE", {"A": 250})
        asks = [shop.ask({"A": 1, "CABLE": 1} if n % 5 == 0 else {"A": 2}, sale="SALE") for n in range(200)]
        answers = Counter(await rush(shop, asks, lambda: shop.close_sale("SALE")))
        assert set(answers) <= {"HELD", "OUT_OF_STOCK", "FLASH_SALE_NOT_OPEN"}
        await shop.require_conserved()
        held = await shop.scalar(
            "SELECT sum(quantity) FROM reservation_draw JOIN reservation USING (reservation_id)"
            " WHERE sku_code = 'A' AND state = 1"
        )
        assert await shop.free("A") == 300 - held
        report = await shop.item("SALE", "A")
        assert (report.remaining, report.held, report.returned) == (0, held, 250 - held)
        assert await shop.valkey.keys("lumbung:{*") == []
        for ask in asks[:20]:
            assert await shop.insisting(ask) in answers
        await shop.require_conserved()

    async def test_that_was_interrupted_is_finished_by_the_watch(self, shop: Shop) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 5})
        held = await shop.hold({"A": 2}, sale="SALE")
        await shop.postgres.run(lambda conn: begin_closing(conn, "SALE"))

        async def closed() -> bool:
            return await shop.scalar("SELECT state FROM flash_sale") == sales_pb.FLASH_SALE_STATE_CLOSED

        await shop.until(closed)
        assert await shop.free("A") == 7
        await shop.release(held)
        assert await shop.free("A") == 9
        await shop.require_conserved()

    async def test_again_changes_nothing_and_it_cannot_be_opened_again(self, shop: Shop) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 5})
        held = await shop.hold({"A": 2}, sale="SALE")
        first = await shop.close_sale("SALE")
        assert [item.quantity for item in first.returned] == [3]
        await shop.release(held)
        before = await shop.rows("SELECT * FROM flash_sale")
        again = await shop.close_sale("SALE")
        assert (again.flash_sale, await shop.rows("SELECT * FROM flash_sale")) == (first.flash_sale, before)
        failure = await shop.refused(shop.open("SALE"))
        assert (failure.reason, failure.metadata["state"]) == ("FLASH_SALE_WRONG_STATE", "CLOSED")
        await shop.open_sale("NEXT", {"A": 9})
        await shop.hold({"A": 9}, sale="NEXT")
        await shop.require_conserved()

    async def test_the_same_request_again_closes_the_same_sale(self, shop: Shop) -> None:
        await shop.put("A", 9)
        for code in ("SALE", "OTHER"):
            await shop.open_sale(code, {"A": 2})
        request = sales_pb.CloseFlashSaleRequest(request_id=shop.new_id(), flash_sale_code="SALE")
        first = await shop.sales.CloseFlashSale(request)
        assert await shop.sales.CloseFlashSale(request) == first
        request.flash_sale_code = "OTHER"
        failure = await shop.refused(shop.sales.CloseFlashSale(request))
        assert failure.reason == "REQUEST_ID_REUSED"
        assert await shop.scalar("SELECT count(*) FROM flash_sale WHERE state = 2") == 1

    async def test_a_request_is_told_that_the_sale_is_over_and_stays_told(self, shop: Shop) -> None:
        await shop.put("A", 9)
        await shop.open_sale("SALE", {"A": 5})
        await shop.close_sale("SALE")
        ask = shop.ask({"A": 1}, sale="SALE")
        refusals = [await shop.refusal(shop.reservations.Reserve(ask)) for _ in range(2)]
        assert refusals[0] == refusals[1]
        assert refusals[0].reason == "FLASH_SALE_NOT_OPEN"


class TestOpening:
    """A sale opens with its whole quota set aside and its gate armed, or not at all."""

    async def test_a_watch_that_never_rests_is_no_trouble(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loops, "GATE_INTERVAL_S", 0.0001)
        await shop.put("A", 20)
        async with shop.replica() as other:
            for code in ("S1", "S2", "S3", "S4"):
                await shop.sales.PlanFlashSale(shop.plan(code, {"A": 3}))
                opened = await other.open(code)
                assert (opened.state, opened.gate_armed) == (sales_pb.FLASH_SALE_STATE_OPEN, True)
                held = await shop.hold({"A": 1}, sale=code)
                closed = await shop.close_sale(code)
                assert closed.flash_sale.state == sales_pb.FLASH_SALE_STATE_CLOSED
                await other.release(held)
        assert await shop.free("A") == 20
        await shop.require_conserved()

    async def test_a_request_refused_before_stays_refused_after(self, shop: Shop) -> None:
        await shop.put("A", 9)
        await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 5}))
        early = shop.ask({"A": 1}, sale="SALE")
        first = await shop.refusal(shop.reservations.Reserve(early))
        assert first.reason == "FLASH_SALE_NOT_OPEN"
        await shop.open("SALE")
        assert await shop.refusal(shop.reservations.Reserve(early)) == first
        await shop.until_gate_has("SALE", {"A": 5})
        assert (await shop.item("SALE", "A")).remaining == 5
        await shop.hold({"A": 5}, sale="SALE")

    async def test_the_same_request_again_opens_nothing_twice(self, shop: Shop) -> None:
        await shop.put("A", 9)
        await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 5}))
        request = sales_pb.OpenFlashSaleRequest(request_id=shop.new_id(), flash_sale_code="SALE")
        answers = await asyncio.gather(*(insisting_to_open(shop, request) for _ in range(8)))
        assert {answer.state for answer in answers} == {sales_pb.FLASH_SALE_STATE_OPEN}
        assert await shop.free("A") == 4
        failure = await shop.refused(shop.open("SALE"))
        assert failure.reason == "FLASH_SALE_WRONG_STATE"

    async def test_too_little_stock_sets_nothing_aside(self, shop: Shop) -> None:
        await shop.put("A", 9)
        await shop.put("B", 4)
        await shop.hold({"B": 1})
        await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 9, "B": 4}))
        before = await shop.dump()
        failure = await shop.refused(shop.open("SALE"))
        assert failure.reason == "QUOTA_NOT_AVAILABLE"
        assert [(each.subject, each.description) for each in failure.preconditions] == [
            ("JKT1/B", "quota 4, available 3, missing 1")
        ]
        assert await shop.dump() == before

    async def test_two_sales_of_the_same_units_cannot_both_open(self, shop: Shop) -> None:
        await shop.put("A", 9)
        for code in ("S1", "S2"):
            await shop.sales.PlanFlashSale(shop.plan(code, {"A": 5}))
        requests = [
            sales_pb.OpenFlashSaleRequest(request_id=shop.new_id(), flash_sale_code=code)
            for code in ("S1", "S2")
        ]
        answers = await asyncio.gather(
            *(shop.sales.OpenFlashSale(request) for request in requests), return_exceptions=True
        )
        failed = [failure_from(each).reason for each in answers if isinstance(each, grpc.aio.AioRpcError)]
        assert failed == ["QUOTA_NOT_AVAILABLE"]
        assert await shop.free("A") == 4
        await shop.require_conserved()

    @pytest.mark.parametrize(
        ("setting", "unsafe"), [("maxmemory-policy", "volatile-lru"), ("appendonly", "no")]
    )
    async def test_a_valkey_that_may_forget_opens_no_sale(
        self, shop: Shop, setting: str, unsafe: str
    ) -> None:
        await shop.put("A", 9)
        await shop.sales.PlanFlashSale(shop.plan("SALE", {"A": 5}))
        safe = (await shop.valkey.config_get(setting))[setting]
        before = await shop.dump()
        await shop.valkey.config_set(setting, unsafe)
        try:
            failure = await shop.refused(shop.open("SALE"))
        finally:
            await shop.valkey.config_set(setting, safe)
        assert (failure.reason, failure.kind) == ("GATE_UNSAFE", Kind.FAILED_PRECONDITION)
        assert f"{setting} must be {safe}" in failure.message
        assert await shop.dump() == before
        await shop.open("SALE")


async def insisting_to_open(shop: Shop, request: sales_pb.OpenFlashSaleRequest) -> sales_pb.FlashSale:
    """The answer to a request that is repeated while it is in flight elsewhere."""
    while True:
        try:
            return (await shop.sales.OpenFlashSale(request)).flash_sale
        except grpc.aio.AioRpcError as error:
            if failure_from(error).reason != "REQUEST_IN_FLIGHT":
                raise
