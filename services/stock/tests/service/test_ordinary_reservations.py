"""Reservations of an ordinary sale: never more than there is (P1), sticky (P3), all or none (P5), typed (P6)."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import reservations_pb2 as pb

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

KIT = {"PB-10K": 2, "CABLE": 1}


async def test_p1_three_hundred_buyers_of_a_hundred_units_get_exactly_a_hundred(shop: Shop) -> None:
    await shop.put("PB-10K", 100)
    asks = [shop.ask({"PB-10K": 1}) for _ in range(300)]
    answers = await shop.outcomes(*(shop.reservations.Reserve(ask) for ask in asks))
    assert answers == {"HELD": 100, "OUT_OF_STOCK": 200}
    assert await shop.free("PB-10K") == 0
    await shop.require_conserved()


async def test_p1_carts_of_several_skus_over_two_replicas_never_take_too_much(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    stock = {"A": 40, "B": 25, "C": 60}
    for sku, units in stock.items():
        await shop.put(sku, units)
    asks = [
        shop.ask({sku: chance.randint(1, 4) for sku in chance.sample(sorted(stock), chance.randint(1, 3))})
        for _ in range(120)
    ]
    async with shop.replica() as other:
        answers = await shop.outcomes(
            *(chance.choice((shop, other)).reservations.Reserve(ask) for ask in asks)
        )
    assert set(answers) == {"HELD", "OUT_OF_STOCK"}
    await shop.require_conserved()
    for sku in stock:
        assert await shop.free(sku) >= 0


async def test_safety_stock_is_not_sold(shop: Shop) -> None:
    await shop.put("PB-10K", 5)
    await shop.sql.execute("UPDATE level SET safety_stock = 3")
    refusal = await shop.refusal(shop.reservations.Reserve(shop.ask({"PB-10K": 3})))
    assert refusal.lines[0].available_quantity == 2
    await shop.hold({"PB-10K": 2})


class TestAllOrNothing:
    """P5"""

    async def test_nothing_is_held_when_one_line_is_short(self, shop: Shop) -> None:
        await shop.put("A", 5)
        await shop.put("B", 1)
        refusal = await shop.refusal(shop.reservations.Reserve(shop.ask({"A": 5, "B": 2})))
        assert [(line.line_index, line.sku_code) for line in refusal.lines] == [(1, "B")]
        assert (await shop.free("A"), await shop.free("B")) == (5, 1)

    async def test_the_same_sku_twice_is_summed(self, shop: Shop) -> None:
        await shop.put("A", 5)
        ask = shop.ask({})
        ask.lines.add(sku_code="A", quantity=3)
        ask.lines.add(sku_code="A", quantity=3)
        refusal = await shop.refusal(shop.reservations.Reserve(ask))
        assert [(line.line_index, line.available_quantity) for line in refusal.lines] == [(0, 5), (1, 5)]
        ask.request_id = shop.new_id()
        ask.lines[1].quantity = 2
        held = (await shop.reservations.Reserve(ask)).reservation
        assert [(line.sku_code, line.quantity) for line in held.lines] == [("A", 3), ("A", 2)]
        assert [(draw.sku_code, draw.quantity) for draw in held.draws] == [("A", 5)]

    async def test_a_bundle_and_its_component_are_summed(self, shop: Shop) -> None:
        await shop.put("PB-10K", 5)
        await shop.put("CABLE", 9)
        await shop.put("KIT", 0, bundle=KIT)
        refusal = await shop.refusal(shop.reservations.Reserve(shop.ask({"KIT": 2, "PB-10K": 2})))
        assert [
            (line.sku_code, line.blocking_sku_code, line.available_quantity) for line in refusal.lines
        ] == [
            ("KIT", "PB-10K", 2),
            ("PB-10K", "PB-10K", 5),
        ]
        held = await shop.hold({"KIT": 2, "PB-10K": 1})
        assert {(draw.sku_code, draw.quantity) for draw in held.draws} == {("PB-10K", 5), ("CABLE", 2)}
        assert not any(draw.from_escrow for draw in held.draws)
        await shop.release(held)
        assert (await shop.free("PB-10K"), await shop.free("CABLE")) == (5, 9)

    async def test_a_bundle_without_a_recipe_cannot_be_had(self, shop: Shop) -> None:
        await shop.put("KIT", 0, bundle={})
        refusal = await shop.refusal(shop.reservations.Reserve(shop.ask({"KIT": 1})))
        assert refusal.reason == "OUT_OF_STOCK"
        assert (refusal.lines[0].blocking_sku_code, refusal.lines[0].available_quantity) == ("KIT", 0)

    async def test_everything_comes_from_one_warehouse_by_priority(self, shop: Shop) -> None:
        await shop.put_warehouse("SBY1", priority=2)
        for warehouse, a, b in (("JKT1", 1, 9), ("SBY1", 5, 5)):
            await shop.put("A", a, warehouse=warehouse)
            await shop.put("B", b, warehouse=warehouse)
        warehouses = [
            {draw.warehouse_code for draw in (await shop.hold(lines)).draws}
            for lines in ({"A": 1, "B": 1}, {"A": 1, "B": 1}, {"B": 8})
        ]
        assert warehouses == [{"JKT1"}, {"SBY1"}, {"JKT1"}]
        refusal = await shop.refusal(shop.reservations.Reserve(shop.ask({"B": 3}, warehouse_code="JKT1")))
        assert refusal.lines[0].available_quantity == 0
        held = await shop.reservations.Reserve(shop.ask({"B": 3}, warehouse_code="SBY1"))
        assert [draw.warehouse_code for draw in held.reservation.draws] == ["SBY1"]


class TestTypedRefusals:
    """P6"""

    async def test_a_refusal_says_per_line_what_was_asked_and_what_there_was(self, shop: Shop) -> None:
        await shop.put("A", 1)
        await shop.put("B", 9)
        await shop.put("C", 0)
        await shop.hold({"A": 1})
        refusal = await shop.refusal(shop.reservations.Reserve(shop.ask({"A": 1, "B": 2, "C": 3})))
        assert refusal.reason == "OUT_OF_STOCK"
        assert [
            (
                line.line_index,
                line.sku_code,
                line.asked_quantity,
                line.available_quantity,
                line.blocking_sku_code,
            )
            for line in refusal.lines
        ] == [(0, "A", 1, 0, "A"), (2, "C", 3, 0, "C")]
        assert refusal.retry_delay.ToSeconds() == 60

    async def test_there_is_no_hope_when_nobody_holds_any(self, shop: Shop) -> None:
        await shop.put("A", 1)
        call = shop.reservations.Reserve(shop.ask({"A": 2}))
        assert not (await shop.refusal(call)).HasField("retry_delay")

    async def test_a_refusal_of_a_hundred_long_lines_still_reaches_the_caller(self, shop: Shop) -> None:
        skus = [f"{'LONG-CODE-' * 6}{number:03}" for number in range(100)]
        for sku in skus:
            await shop.put(sku, 0)
        ask = shop.ask(dict.fromkeys(skus, 1))
        refusal = await shop.refusal(shop.reservations.Reserve(ask))
        assert refusal.reason == "OUT_OF_STOCK"
        assert 10 < len(refusal.lines) < 100
        outcome = await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=[ask]))
        assert len(outcome.outcomes[0].refusal.lines) == 100


class TestStickyAnswers:
    """P3"""

    async def test_a_hold_is_answered_again_as_it_was_whatever_became_of_it(self, shop: Shop) -> None:
        await shop.put("A", 10)
        ask = shop.ask({"A": 2})
        first = await shop.reservations.Reserve(ask)
        for change in (shop.confirm, shop.cancel):
            await change(first.reservation)
            assert await shop.reservations.Reserve(ask) == first
        assert await shop.free("A") == 10
        released = await shop.hold({"A": 1})
        await shop.release(released)
        assert await shop.scalar("SELECT count(*) FROM reservation") == 2

    async def test_a_refusal_stays_when_units_have_come(self, shop: Shop) -> None:
        await shop.put("A", 1)
        ask = shop.ask({"A": 2})
        first = await shop.refusal(shop.reservations.Reserve(ask))
        await shop.sql.execute("UPDATE level SET on_hand = 10")
        assert await shop.refusal(shop.reservations.Reserve(ask)) == first
        ask.request_id = shop.new_id()
        await shop.reservations.Reserve(ask)

    async def test_twenty_times_the_same_request_at_once_is_one_hold(self, shop: Shop) -> None:
        await shop.put("A", 100)
        ask = shop.ask({"A": 1})
        async with shop.replica() as other:
            answers = await asyncio.gather(
                *(each.reservations.Reserve(ask) for _ in range(10) for each in (shop, other))
            )
        assert len({answer.reservation.reservation_id for answer in answers}) == 1
        assert await shop.free("A") == 99

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"channel_code": "tokoria"}, id="channel"),
            pytest.param({"customer_reference": "ani"}, id="customer"),
            pytest.param({"warehouse_code": "JKT1"}, id="warehouse"),
            pytest.param({"flash_sale_code": "SALE"}, id="an ordinary request becomes one of a sale"),
        ],
    )
    async def test_other_content_is_refused(self, shop: Shop, change: dict[str, str]) -> None:
        await shop.put("A", 10)
        await shop.open_sale("SALE", {"A": 5})
        ask = shop.ask({"A": 1})
        await shop.reservations.Reserve(ask)
        before = await shop.free("A")
        for field, value in change.items():
            setattr(ask, field, value)
        assert await shop.outcome(shop.reservations.Reserve(ask)) == "REQUEST_ID_REUSED"
        await shop.until_gate_has("SALE", {"A": 5})
        assert await shop.free("A") == before
        assert (await shop.item("SALE", "A")).remaining == 5

    async def test_other_lines_or_another_span_are_other_content(self, shop: Shop) -> None:
        await shop.put("A", 10)
        ask = shop.ask({"A": 1})
        await shop.reservations.Reserve(ask)
        changed = pb.ReserveRequest()
        changed.CopyFrom(ask)
        changed.lines[0].quantity = 2
        assert await shop.outcome(shop.reservations.Reserve(changed)) == "REQUEST_ID_REUSED"
        ask.ttl.CopyFrom(Duration(seconds=60))
        assert await shop.outcome(shop.reservations.Reserve(ask)) == "REQUEST_ID_REUSED"
        assert await shop.free("A") == 9

    async def test_the_first_answer_stands_when_the_sku_is_retired_since(self, shop: Shop) -> None:
        await shop.put("A", 10)
        ask = shop.ask({"A": 1})
        first = await shop.reservations.Reserve(ask)
        await shop.sql.execute("UPDATE sku SET active = false")

        async def retired() -> bool:
            return await shop.outcome(shop.reservations.Reserve(shop.ask({"A": 1}))) == "SKU_RETIRED"

        await shop.until(retired)
        assert await shop.reservations.Reserve(ask) == first
        ask.lines[0].quantity = 2
        assert await shop.outcome(shop.reservations.Reserve(ask)) == "REQUEST_ID_REUSED"

    async def test_what_was_never_decided_leaves_the_request_free(self, shop: Shop) -> None:
        ask = shop.ask({"A": 1})
        assert await shop.outcome(shop.reservations.Reserve(ask)) == "SKU_NOT_FOUND"
        await shop.put("A", 1)
        assert await shop.outcome(shop.reservations.Reserve(ask)) == "HELD"


async def test_the_hold_says_what_it_is(shop: Shop) -> None:
    await shop.put("A", 10)
    ask = shop.ask({"A": 2}, customer="ani")
    ask.ttl.CopyFrom(Duration(seconds=60))
    held = (await shop.reservations.Reserve(ask)).reservation
    assert held.expire_time.ToNanoseconds() - held.create_time.ToNanoseconds() == pytest.approx(59e9, abs=1e9)
    assert (held.request_id, held.channel_code, held.customer_reference, held.actor) == (
        ask.request_id,
        "web",
        "ani",
        "storefront:web",
    )
    assert held.durability == pb.DURABILITY_DURABLE
    assert not held.HasField("resolve_time")
    assert await shop.get(held) == held
