"""Partial confirm: sells some lines and gives back the rest in the same transaction (P3, P4, P7)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from lumbung.stock.v1 import events_pb2
from lumbung.stock.v1 import reservations_pb2 as pb

if TYPE_CHECKING:
    from services.stock.tests.conftest import Shop

pytestmark = pytest.mark.store


def partial(shop: Shop, held: pb.Reservation, lines: dict[str, int], order: str = "") -> pb.ConfirmRequest:
    """A Confirm of some lines, with a new id."""
    request = shop.confirmation(held, order)
    request.partial_lines.extend(pb.ReserveLine(sku_code=sku, quantity=units) for sku, units in lines.items())
    return request


def units(lines: object) -> dict[str, int]:
    """Quantities by SKU of lines or draws."""
    return {line.sku_code: line.quantity for line in lines}  # type: ignore[attr-defined]


async def confirmed_events(shop: Shop) -> list[pb.Reservation]:
    """What fulfillment is told."""
    rows = await shop.rows(
        "SELECT payload FROM event_log WHERE kind = 'reservation_confirmed'"
        " UNION ALL SELECT payload FROM event_outbox WHERE kind = 'reservation_confirmed'"
    )
    return [events_pb2.Event.FromString(row[0]).reservation_confirmed.reservation for row in rows]


async def test_an_ordinary_hold_sells_some_and_gives_back_the_rest(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.put("B", 10)
    held = await shop.hold({"A": 4, "B": 2})
    request = partial(shop, held, {"A": 1})
    sold = (await shop.reservations.Confirm(request)).reservation
    assert sold.state == pb.RESERVATION_STATE_CONFIRMED
    assert (units(sold.lines), units(sold.draws), units(sold.held_lines)) == (
        {"A": 1},
        {"A": 1},
        {"A": 4, "B": 2},
    )
    assert await shop.rows("SELECT sku_code, held, sold FROM level ORDER BY 1") == [("A", 0, 1), ("B", 0, 0)]
    assert await shop.get(sold) == sold
    assert await confirmed_events(shop) == [sold]
    assert await shop.reservations.Confirm(request) == pb.ConfirmResponse(reservation=sold)
    await shop.require_conserved()


async def test_the_reserve_is_answered_again_as_it_was(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.put("B", 10)
    ask = shop.ask({"A": 4, "B": 2})
    held = (await shop.reservations.Reserve(ask)).reservation
    sold = (await shop.reservations.Confirm(partial(shop, held, {"B": 1}))).reservation
    assert (await shop.reservations.Reserve(ask)).reservation == held
    await shop.cancel(sold)
    assert (await shop.reservations.Reserve(ask)).reservation == held
    assert (await shop.free("A"), await shop.free("B")) == (10, 10)
    await shop.require_conserved()


async def test_a_bundle_is_sold_by_whole_bundles(shop: Shop) -> None:
    await shop.put("A", 10)
    await shop.put("B", 10)
    await shop.put("SET", 0, bundle={"A": 2, "B": 1})
    held = await shop.hold({"SET": 3, "A": 1})
    sold = (await shop.reservations.Confirm(partial(shop, held, {"SET": 2}))).reservation
    assert (units(sold.lines), units(sold.draws)) == ({"SET": 2}, {"A": 4, "B": 2})
    assert (await shop.free("A"), await shop.free("B")) == (6, 8)
    await shop.require_conserved()


async def test_all_lines_named_is_the_whole(shop: Shop) -> None:
    await shop.put("A", 3)
    held = await shop.hold({"A": 3})
    sold = (await shop.reservations.Confirm(partial(shop, held, {"A": 3}))).reservation
    assert (units(sold.lines), list(sold.held_lines)) == ({"A": 3}, [])


@pytest.mark.parametrize("lines", [{"A": 3}, {"A": 1, "C": 1}, {"B": 1}], ids=["more", "other", "component"])
async def test_more_than_was_held_sells_nothing_and_the_refusal_sticks(
    shop: Shop, lines: dict[str, int]
) -> None:
    await shop.put("A", 5)
    await shop.put("B", 5)
    await shop.put("C", 5)
    await shop.put("SET", 0, bundle={"B": 1})
    held = await shop.hold({"A": 2, "SET": 1})
    before = [await shop.rows(f"SELECT * FROM {table}") for table in ("level", "reservation")]  # noqa: S608
    request = partial(shop, held, lines, "INV/1")
    refused = await shop.refused(shop.reservations.Confirm(request))
    assert refused.reason == "MORE_THAN_HELD"
    assert before == [await shop.rows(f"SELECT * FROM {table}") for table in ("level", "reservation")]  # noqa: S608
    again = await shop.refused(shop.reservations.Confirm(request))
    assert (again.reason, again.message, again.metadata) == (
        refused.reason,
        refused.message,
        refused.metadata,
    )
    assert (await shop.confirm(held, "INV/1")).state == pb.RESERVATION_STATE_CONFIRMED


class TestOnASale:
    """The rest goes back to the escrow, and the gate hears what the hold keeps."""

    async def test_the_rest_can_be_had_again_and_the_limit_counts_what_was_sold(self, shop: Shop) -> None:
        await shop.put("A", 5)
        await shop.put("B", 5)
        await shop.open_sale("SALE", {"A": 5, "B": 5}, limit=3)
        held = await shop.hold({"A": 3, "B": 2}, sale="SALE", customer="ani")
        sold = (await shop.reservations.Confirm(partial(shop, held, {"A": 1}))).reservation
        await shop.until_gate_has("SALE", {"A": 4, "B": 5})
        assert (await shop.item("SALE", "A")).remaining == 4
        more = shop.ask({"A": 3}, sale="SALE", customer="ani")
        assert await shop.outcome(shop.reservations.Reserve(more)) == "CUSTOMER_LIMIT_REACHED"
        await shop.hold({"A": 2, "B": 3}, sale="SALE", customer="ani")
        await shop.require_conserved()
        await shop.cancel(sold)
        await shop.until_gate_has("SALE", {"A": 3, "B": 2})
        await shop.require_conserved()

    async def test_a_gate_set_up_anew_knows_what_was_kept(self, shop: Shop) -> None:
        await shop.put("A", 5)
        await shop.open_sale("SALE", {"A": 5}, limit=5)
        held = await shop.hold({"A": 5}, sale="SALE", customer="ani")
        sold = (await shop.reservations.Confirm(partial(shop, held, {"A": 2}))).reservation
        await shop.until_gate_has("SALE", {"A": 3})
        await shop.valkey.flushdb()
        await shop.until_gate_has("SALE", {"A": 3})
        await shop.cancel(sold)
        await shop.until_gate_has("SALE", {"A": 5})
        await shop.hold({"A": 5}, sale="SALE", customer="ani")
        await shop.require_conserved()

    async def test_a_mixed_cart_gives_each_its_own(self, shop: Shop) -> None:
        await shop.put("A", 5)
        await shop.put("B", 5)
        await shop.open_sale("SALE", {"A": 5})
        held = await shop.hold({"A": 2, "B": 2}, sale="SALE")
        await shop.reservations.Confirm(partial(shop, held, {"A": 1, "B": 1}))
        await shop.until_gate_has("SALE", {"A": 4})
        assert await shop.free("B") == 4
        await shop.require_conserved()

    async def test_after_the_sale_the_rest_goes_to_ordinary_sale(self, shop: Shop) -> None:
        await shop.put("A", 5)
        await shop.open_sale("SALE", {"A": 5})
        ask = shop.ask({"A": 4}, sale="SALE")
        held = (await shop.reservations.Reserve(ask)).reservation
        await shop.close_sale("SALE")
        sold = (await shop.reservations.Confirm(partial(shop, held, {"A": 1}))).reservation
        assert await shop.free("A") == 4
        assert (await shop.item("SALE", "A")).returned == 4
        assert (await shop.reservations.Reserve(ask)).reservation == held
        assert [draw.from_escrow for draw in (await shop.get(sold)).draws] == [True]
        await shop.require_conserved()

    async def test_confirms_of_parts_and_releases_race_for_one_hold(self, shop: Shop) -> None:
        await shop.put("A", 12)
        await shop.open_sale("SALE", {"A": 12})
        async with shop.replica() as other:
            for _ in range(4):
                held = await shop.hold({"A": 3}, sale="SALE")
                release = pb.ReleaseRequest(request_id=shop.new_id(), reservation_id=held.reservation_id)
                answers = await asyncio.gather(
                    *(
                        shop.outcome(on.reservations.Confirm(partial(shop, held, {"A": count})))
                        for count in (1, 2, 3)
                        for on in (shop, other)
                    ),
                    shop.outcome(shop.reservations.Release(release)),
                )
                assert answers.count("ALREADY_RESOLVED") == 6
        await shop.require_conserved()
        await shop.until_gate_has("SALE", {"A": (await shop.item("SALE", "A")).remaining})


@pytest.mark.parametrize("on_sale", ["A", "B"])
async def test_a_repeated_reserve_of_a_closed_sale_is_answered_as_it_was(shop: Shop, on_sale: str) -> None:
    await shop.put("A", 5)
    await shop.put("B", 5)
    await shop.open_sale("SALE", {on_sale: 5})
    ask = shop.ask({"A": 2, "B": 1}, sale="SALE")
    held = (await shop.reservations.Reserve(ask)).reservation
    assert {draw.sku_code: draw.from_escrow for draw in held.draws} == {
        "A": on_sale == "A",
        "B": on_sale == "B",
    }
    assert (await shop.reservations.Reserve(ask)).reservation == held
    confirmation = shop.confirmation(held)
    sold = await shop.reservations.Confirm(confirmation)
    await shop.close_sale("SALE")
    assert (await shop.reservations.Reserve(ask)).reservation == held
    assert await shop.reservations.Confirm(confirmation) == sold
