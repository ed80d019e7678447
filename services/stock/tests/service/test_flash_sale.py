"""A flash sale from opening to closing, over real gRPC, Valkey and PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
import pytest

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_kit.clients import failure_from

pytestmark = pytest.mark.store


async def outcome(call: object) -> str:
    """HELD, or the reason of the refusal."""
    try:
        await call  # type: ignore[misc]
    except grpc.aio.AioRpcError as error:
        return failure_from(error).reason
    return "HELD"


async def refused(shop, count: int) -> bool:
    """A refusal is answered when the gate has it, and written down a moment later."""
    return await shop.scalar("SELECT count(*) FROM reservation WHERE state = 7") == count


async def test_two_hundred_buyers_of_fifty_units_get_exactly_fifty(shop) -> None:
    await shop.put("PB-10K", 80)
    await shop.open_sale("SALE", {"PB-10K": 50})
    asks = [shop.ask({"PB-10K": 1}, sale="SALE", customer=f"c{n}") for n in range(200)]
    answers = Counter(await asyncio.gather(*(outcome(shop.reservations.Reserve(ask)) for ask in asks)))
    assert answers == {"HELD": 50, "OUT_OF_STOCK": 150}
    assert await shop.scalar("SELECT remaining FROM flash_sale_item") == 0
    assert await shop.scalar("SELECT count(*) FROM reservation WHERE state = 1") == 50
    await shop.until(lambda: refused(shop, 150))
    assert await shop.scalar("SELECT on_hand - held - sold - safety_stock - escrow FROM level") == 30


async def test_a_closed_sale_has_given_every_unsold_unit_back(shop) -> None:
    await shop.put("PB-10K", 10)
    await shop.open_sale("SALE", {"PB-10K": 10})
    sold, held, released = [await shop.hold({"PB-10K": 2}, sale="SALE") for _ in range(3)]
    await shop.confirm(sold)
    await shop.release(released)
    closed = await shop.sales.CloseFlashSale(
        sales_pb.CloseFlashSaleRequest(request_id=shop.new_id(), flash_sale_code="SALE")
    )
    assert closed.flash_sale.state == sales_pb.FLASH_SALE_STATE_CLOSED
    assert [each.quantity for each in closed.returned] == [6]
    row = await (await shop.sql.execute("SELECT on_hand, held, sold, escrow FROM level")).fetchone()
    assert row == (10, 2, 2, 0)
    await shop.release(held)
    assert await shop.scalar("SELECT on_hand - held - sold - escrow FROM level") == 8
    assert await shop.scalar("SELECT returned FROM flash_sale_item") == 8


async def test_units_given_back_can_be_held_again(shop) -> None:
    await shop.put("PB-10K", 1)
    await shop.open_sale("SALE", {"PB-10K": 1})
    held = await shop.hold({"PB-10K": 1}, sale="SALE")
    assert await outcome(shop.reservations.Reserve(shop.ask({"PB-10K": 1}, sale="SALE"))) == "OUT_OF_STOCK"
    await shop.release(held)
    async with asyncio.timeout(60):
        while await outcome(shop.reservations.Reserve(shop.ask({"PB-10K": 1}, sale="SALE"))) != "HELD":
            pass


async def test_the_same_request_gets_the_same_answer(shop) -> None:
    await shop.put("PB-10K", 1)
    await shop.open_sale("SALE", {"PB-10K": 1})
    winner = shop.ask({"PB-10K": 1}, sale="SALE")
    loser = shop.ask({"PB-10K": 1}, sale="SALE")
    first = await shop.reservations.Reserve(winner)
    assert await outcome(shop.reservations.Reserve(loser)) == "OUT_OF_STOCK"
    again = await shop.reservations.Reserve(winner)
    assert again == first
    await shop.release(first.reservation)
    assert await outcome(shop.reservations.Reserve(loser)) == "OUT_OF_STOCK"
    other = pb.ReserveRequest()
    other.CopyFrom(winner)
    other.lines[0].quantity = 2
    assert await outcome(shop.reservations.Reserve(other)) == "REQUEST_ID_REUSED"


async def test_a_customer_cannot_have_more_than_the_limit(shop) -> None:
    await shop.put("PB-10K", 10)
    await shop.open_sale("SALE", {"PB-10K": 10}, limit=2)
    await shop.hold({"PB-10K": 2}, sale="SALE", customer="ani")
    more = shop.ask({"PB-10K": 1}, sale="SALE", customer="ani")
    assert await outcome(shop.reservations.Reserve(more)) == "CUSTOMER_LIMIT_REACHED"
    assert (
        await outcome(shop.reservations.Reserve(shop.ask({"PB-10K": 1}, sale="SALE"))) == "CUSTOMER_REQUIRED"
    )
    await shop.hold({"PB-10K": 2}, sale="SALE", customer="budi")


async def test_a_bundle_and_its_component_draw_on_the_same_units(shop) -> None:
    await shop.put("PB-10K", 5)
    await shop.put("CABLE", 5)
    await shop.put("TRAVEL-KIT", 0, bundle={"PB-10K": 2, "CABLE": 1})
    await shop.open_sale("SALE", {"PB-10K": 3})
    ask = shop.ask({"TRAVEL-KIT": 1, "PB-10K": 2}, sale="SALE")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await shop.reservations.Reserve(ask)
    assert failure_from(refused.value).reason == "OUT_OF_STOCK"
    held = await shop.hold({"TRAVEL-KIT": 1, "PB-10K": 1}, sale="SALE")
    assert {(draw.sku_code, draw.quantity, draw.from_escrow) for draw in held.draws} == {
        ("PB-10K", 3, True),
        ("CABLE", 1, False),
    }
    assert await shop.scalar("SELECT held FROM level WHERE sku_code = 'CABLE'") == 1
    assert await shop.scalar("SELECT remaining FROM flash_sale_item") == 0


async def test_a_mixed_cart_holds_nothing_when_its_ordinary_part_is_short(shop) -> None:
    await shop.put("PB-10K", 5)
    await shop.put("CABLE", 0)
    await shop.open_sale("SALE", {"PB-10K": 1})
    assert (
        await outcome(shop.reservations.Reserve(shop.ask({"PB-10K": 1, "CABLE": 1}, sale="SALE")))
        == "OUT_OF_STOCK"
    )
    assert await shop.scalar("SELECT remaining FROM flash_sale_item") == 1
    async with asyncio.timeout(60):
        while await outcome(shop.reservations.Reserve(shop.ask({"PB-10K": 1}, sale="SALE"))) != "HELD":
            pass
