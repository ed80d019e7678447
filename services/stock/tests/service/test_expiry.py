"""Deadlines, judged by Postgres' clock alone (P4, P7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_stock.usecases.expire_holds import ExpireHolds

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store

EXPIRED = pb.RESERVATION_STATE_EXPIRED


async def nobody(self: ExpireHolds) -> int:
    """A sweeper that does not come."""
    return 0


async def test_an_ordinary_hold_expires_and_its_units_can_be_had_again(shop: Shop) -> None:
    await shop.put("A", 2)
    held, kept = await shop.hold({"A": 1}), await shop.hold({"A": 1})
    await shop.let_deadline_pass(held)
    await shop.until_state(held, EXPIRED)
    assert (await shop.get(kept)).state == pb.RESERVATION_STATE_HELD
    assert await shop.free("A") == 1
    assert (await shop.get(held)).HasField("resolve_time")
    await shop.hold({"A": 1})
    await shop.require_conserved()


async def test_a_flash_hold_expires_and_the_gate_sells_the_unit_again(shop: Shop) -> None:
    await shop.put("A", 1)
    await shop.open_sale("SALE", {"A": 1}, limit=1)
    held = await shop.hold({"A": 1}, sale="SALE", customer="ani")
    await shop.let_deadline_pass(held)
    await shop.until_gate_has("SALE", {"A": 1})
    assert (await shop.get(held)).state == EXPIRED
    again = await shop.hold({"A": 1}, sale="SALE", customer="ani")
    await shop.confirm(again)
    await shop.require_conserved()
    assert (await shop.item("SALE", "A")).sold == 1


async def test_a_sold_unit_never_expires(shop: Shop) -> None:
    await shop.put("A", 1)
    sold = await shop.confirm(await shop.hold({"A": 1}))
    await shop.let_deadline_pass(sold)
    marker = await shop.hold_that_expires("B")
    await shop.until_state(marker, EXPIRED)
    assert (await shop.get(sold)).state == pb.RESERVATION_STATE_CONFIRMED


async def test_a_confirm_after_the_deadline_is_too_late_though_no_sweeper_came(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExpireHolds, "__call__", nobody)
    await shop.put("A", 2)
    held, other = await shop.hold({"A": 1}), await shop.hold({"A": 1})
    await shop.let_deadline_pass(held, other)
    confirmation = shop.confirmation(held)
    assert await shop.outcome(shop.reservations.Confirm(confirmation)) == "HOLD_EXPIRED"
    assert (await shop.get(held)).state == pb.RESERVATION_STATE_HELD
    assert (await shop.release(held)).state == pb.RESERVATION_STATE_RELEASED
    assert await shop.outcome(shop.reservations.Confirm(confirmation)) == "HOLD_EXPIRED"
    monkeypatch.undo()
    await shop.until_state(other, EXPIRED)
    assert await shop.free("A") == 2


async def test_releasing_what_has_expired_is_answered_with_that(shop: Shop) -> None:
    held = await shop.hold_that_expires("A")
    await shop.until_state(held, EXPIRED)
    release = pb.ReleaseRequest(request_id=shop.new_id(), reservation_id=held.reservation_id)
    first = await shop.reservations.Release(release)
    assert first.reservation.state == EXPIRED
    assert await shop.reservations.Release(release) == first
    other = await shop.hold_that_expires("B")
    release.reservation_id = other.reservation_id
    assert await shop.outcome(shop.reservations.Release(release)) == "REQUEST_ID_REUSED"


async def test_a_hold_expires_after_its_sale_has_closed(shop: Shop) -> None:
    await shop.put("A", 5)
    await shop.open_sale("SALE", {"A": 3})
    held = await shop.hold({"A": 2}, sale="SALE")
    await shop.close_sale("SALE")
    await shop.let_deadline_pass(held)
    await shop.until_state(held, EXPIRED)
    assert await shop.free("A") == 5
    assert (await shop.item("SALE", "A")).returned == 3
    await shop.require_conserved()


async def test_one_hold_that_cannot_be_written_keeps_no_other_from_expiring(shop: Shop) -> None:
    await shop.put("A", 9)
    await shop.put("BROKEN", 9)
    holds = [await shop.hold({"A": 1}) for _ in range(3)]
    broken = await shop.hold({"BROKEN": 1})
    await shop.admin.execute("UPDATE level SET held = 0 WHERE sku_code = 'BROKEN'")
    await shop.let_deadline_pass(broken, *holds)
    for held in holds:
        await shop.until_state(held, EXPIRED)
    assert (await shop.get(broken)).state == pb.RESERVATION_STATE_HELD
    await shop.admin.execute("UPDATE level SET held = 1 WHERE sku_code = 'BROKEN'")
    await shop.until_state(broken, EXPIRED)


async def test_more_than_a_batch_expires_at_once_on_two_replicas(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumbung_stock.usecases.expire_holds.EXPIRE_BATCH", 5)
    await shop.put("A", 30)
    await shop.open_sale("SALE", {"A": 15})
    holds = [await shop.hold({"A": 1}, sale=sale) for sale in ["", "SALE"] * 12]
    async with shop.replica():
        await shop.let_deadline_pass(*holds)

        async def all_expired() -> bool:
            return await shop.scalar("SELECT count(*) FROM reservation WHERE state <> 4") == 0

        await shop.until(all_expired)
    assert await shop.free("A") == 15
    await shop.until_gate_has("SALE", {"A": 15})
    await shop.require_conserved()
