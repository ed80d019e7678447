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
