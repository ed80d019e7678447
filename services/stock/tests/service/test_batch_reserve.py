"""Many reservations in one call, each all or nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_stock.domain.allocate import Allocator

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


def said(outcome: pb.ReserveOutcome) -> str:
    return "HELD" if outcome.HasField("reservation") else outcome.refusal.reason


async def test_each_has_its_own_outcome_in_order(shop: Shop) -> None:
    await shop.put("A", 3)
    await shop.put("PB-10K", 2)
    await shop.open_sale("SALE", {"PB-10K": 1})
    first = shop.ask({"A": 2})
    bad = shop.ask({"A": 0})
    bad.lines.add(sku_code="", quantity=1)
    again = pb.ReserveRequest()
    again.CopyFrom(first)
    reused = pb.ReserveRequest()
    reused.CopyFrom(first)
    reused.lines[0].quantity = 1
    asks = [
        first,
        shop.ask({"A": 2}),
        bad,
        shop.ask({"GONE": 1}),
        shop.ask({"PB-10K": 1}, sale="SALE"),
        shop.ask({"PB-10K": 1}, sale="SALE"),
        shop.ask({"PB-10K": 1}, sale="NONE"),
        again,
        reused,
        shop.ask({"A": 1}),
    ]
    answer = await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))
    assert [outcome.request_id for outcome in answer.outcomes] == [ask.request_id for ask in asks]
    assert [said(outcome) for outcome in answer.outcomes] == [
        "HELD",
        "OUT_OF_STOCK",
        "BAD_INPUT",
        "SKU_NOT_FOUND",
        "HELD",
        "OUT_OF_STOCK",
        "FLASH_SALE_NOT_FOUND",
        "HELD",
        "REQUEST_ID_REUSED",
        "HELD",
    ]
    outcomes = answer.outcomes
    assert outcomes[7].reservation == outcomes[0].reservation
    assert outcomes[1].refusal.lines[0].available_quantity == 1
    assert "lines[0].quantity" in outcomes[2].refusal.message
    assert "lines[1].sku_code" in outcomes[2].refusal.message
    await shop.require_conserved()
    repeated = await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))
    assert [said(outcome) for outcome in repeated.outcomes] == [said(outcome) for outcome in outcomes]


async def test_a_bug_met_by_one_does_not_take_the_answers_of_the_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.put("A", 5)
    await shop.put("BUG", 5)
    covers = Allocator._covers

    def stumble(self: Allocator, warehouse: str, demand: dict[str, int]) -> bool:
        return "BUG" in demand or covers(self, warehouse, demand)

    monkeypatch.setattr(Allocator, "_covers", stumble)
    asks = [shop.ask({"A": 1}), shop.ask({"BUG": 6}), shop.ask({"A": 2})]
    answer = await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))
    assert [said(outcome) for outcome in answer.outcomes] == ["HELD", "INTERNAL", "HELD"]
    await shop.require_conserved()


@pytest.mark.parametrize(
    ("count", "lines", "field"),
    [(0, 1, "reservations"), (101, 1, "reservations"), (6, 84, "reservations")],
    ids=["none", "too many", "too many lines together"],
)
async def test_a_batch_out_of_bounds_is_refused_whole(shop: Shop, count: int, lines: int, field: str) -> None:
    asks = [shop.ask({f"SKU-{number}": 1 for number in range(lines)}) for _ in range(count)]
    before = await shop.dump()
    call = shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))
    failure = await shop.refused(call)
    assert (failure.reason, [violation.field for violation in failure.fields]) == ("BAD_INPUT", [field])
    assert await shop.dump() == before


async def test_carts_of_a_sale_are_decided_together_each_by_itself(shop: Shop) -> None:
    await shop.put("A", 9)
    await shop.put("B", 9)
    await shop.open_sale("SALE", {"A": 4})
    await shop.open_sale("POOR", {"B": 1})
    first, soft = shop.ask({"A": 1}, sale="SALE"), shop.ask({"A": 1}, sale="SALE")
    soft.durability = pb.DURABILITY_SOFT
    again, reused = pb.ReserveRequest(), pb.ReserveRequest()
    again.CopyFrom(first)
    reused.CopyFrom(first)
    reused.lines[0].quantity = 2
    asks = [
        first,
        soft,
        shop.ask({"A": 3}, sale="SALE"),
        again,
        reused,
        shop.ask({"A": 1, "B": 1}, sale="SALE"),
        shop.ask({"B": 1}, sale="POOR"),
        shop.ask({"B": 1}, sale="POOR"),
        shop.ask({"A": 1}, sale="SALE"),
    ]
    outcomes = (await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))).outcomes
    assert [said(outcome) for outcome in outcomes] == [
        "HELD",
        "HELD",
        "OUT_OF_STOCK",
        "HELD",
        "REQUEST_ID_REUSED",
        "HELD",
        "HELD",
        "OUT_OF_STOCK",
        "HELD",
    ]
    assert outcomes[3].reservation == outcomes[0].reservation
    assert [draw.from_escrow for draw in outcomes[5].reservation.draws] == [True, False]
    assert outcomes[2].refusal.lines[0].available_quantity == 2
    repeated = (await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))).outcomes
    assert [said(outcome) for outcome in repeated] == [said(outcome) for outcome in outcomes]
    assert [each.reservation.reservation_id for each in repeated] == [
        each.reservation.reservation_id for each in outcomes
    ]
    await shop.until_gate_has("SALE", {"A": 0})
    await shop.require_conserved()


async def test_losers_of_a_batch_are_refused_together(shop: Shop) -> None:
    await shop.put("A", 9)
    await shop.open_sale("SALE", {"A": 2})
    loser = shop.ask({"A": 3}, sale="SALE")
    assert said((await batch(shop, [loser]))[0]) == "OUT_OF_STOCK"
    asks = [shop.ask({"A": 1}, sale="SALE") if place % 50 == 0 else wanting_3(shop) for place in range(100)]
    outcomes = await batch(shop, [*asks[:99], loser])
    assert [said(outcome) for outcome in outcomes] == [
        "HELD" if place % 50 == 0 else "OUT_OF_STOCK" for place in range(100)
    ]
    assert await batch(shop, [*asks[:99], loser]) == outcomes
    await shop.require_conserved()


def wanting_3(shop: Shop) -> pb.ReserveRequest:
    return shop.ask({"A": 3}, sale="SALE")


async def batch(shop: Shop, asks: list[pb.ReserveRequest]) -> list[pb.ReserveOutcome]:
    answer = await shop.reservations.BatchReserve(pb.BatchReserveRequest(reservations=asks))
    return list(answer.outcomes)


async def test_a_batch_waits_for_a_gate_that_is_set_up_again(shop: Shop) -> None:
    await shop.put("A", 9)
    await shop.open_sale("SALE", {"A": 5})
    kept = await shop.hold({"A": 1}, sale="SALE")
    await shop.valkey.flushdb()
    outcomes = await batch(shop, [shop.ask({"A": 2}, sale="SALE") for _ in range(3)])
    assert sorted(map(said, outcomes)) == ["HELD", "HELD", "OUT_OF_STOCK"]
    assert (await shop.get(kept)).state == pb.RESERVATION_STATE_HELD
    await shop.require_conserved()
