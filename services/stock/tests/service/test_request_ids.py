"""Request ids are one space over all verbs of ReservationService (P3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration

from lumbung.stock.v1 import reservations_pb2 as pb

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


async def test_the_id_of_a_reserve_is_no_other_verbs(shop: Shop) -> None:
    await shop.put("A", 3)
    ask = shop.ask({"A": 1})
    held = (await shop.reservations.Reserve(ask)).reservation
    once, hold_id = ask.request_id, held.reservation_id
    confirmation = shop.confirmation(held)
    confirmation.request_id = once
    before = await shop.dump()
    calls = [
        shop.reservations.Confirm(confirmation),
        shop.reservations.Release(pb.ReleaseRequest(request_id=once, reservation_id=hold_id)),
        shop.reservations.ExtendHold(
            pb.ExtendHoldRequest(request_id=once, reservation_id=hold_id, ttl=Duration(seconds=60))
        ),
        shop.reservations.CancelReservation(
            pb.CancelReservationRequest(request_id=once, reservation_id=hold_id, reason="no")
        ),
    ]
    assert await shop.outcomes(*calls) == {"REQUEST_ID_REUSED": 4}
    assert await shop.dump() == before
    assert (await shop.reservations.Reserve(ask)).reservation == held


@pytest.mark.parametrize("on_sale", [False, True], ids=["ordinary", "flash"])
async def test_the_id_of_another_verb_is_no_reserves(shop: Shop, on_sale: bool) -> None:
    await shop.put("A", 8)
    if on_sale:
        await shop.open_sale("SALE", {"A": 3}, limit=3)
    confirmation = shop.confirmation(await shop.hold({"A": 1}))
    sold = await shop.reservations.Confirm(confirmation)
    free = await shop.free("A")
    ask = shop.ask({"A": 1}, sale="SALE" if on_sale else "", customer="ani")
    ask.request_id = confirmation.request_id
    for _ in range(2):
        refused = await shop.refused(shop.reservations.Reserve(ask))
        assert refused.reason == "REQUEST_ID_REUSED"
    batch = pb.BatchReserveRequest(reservations=[shop.ask({"A": 1}), ask, shop.ask({"A": 1})])
    answer = await shop.reservations.BatchReserve(batch)
    assert [each.refusal.reason for each in answer.outcomes] == ["", "REQUEST_ID_REUSED", ""]
    assert await shop.reservations.Confirm(confirmation) == sold
    assert await shop.free("A") == free - 2
    if on_sale:
        await shop.until_gate_has("SALE", {"A": 3})
        await shop.hold({"A": 3}, sale="SALE", customer="ani")
    await shop.require_conserved()
