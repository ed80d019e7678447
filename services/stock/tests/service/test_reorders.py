"""Reorder points: each crossing told once, whatever moves the level; and the list of what to reorder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from psycopg.errors import InsufficientPrivilege

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import receiving_pb2, receiving_pb2_grpc

pytestmark = pytest.mark.store


async def set_point(house, sku: str, point: int, *, quantity: int = 10, safety: int = 0) -> None:
    figures = pb.Replenishment(
        warehouse_code="JKT1",
        sku_code=sku,
        safety_stock=safety,
        reorder_point=point,
        reorder_quantity=quantity,
    )
    request = pb.SetReplenishmentRequest(request_id=house.new_id(), replenishment=figures, reason="season")
    await house.inventory.SetReplenishment(request)


async def adjust(house, sku: str, difference: int) -> None:
    await house.inventory.AdjustStock(
        pb.AdjustStockRequest(
            request_id=house.new_id(),
            warehouse_code="JKT1",
            sku_code=sku,
            bin_code="A-01",
            difference=difference,
            reason="seen",
        )
    )


async def told(house) -> list[int]:
    """What was available at each crossing, once nothing is left to tell."""

    async def all_told() -> bool:
        return await house.shop.scalar("SELECT count(*) FROM reorder_crossing") == 0

    await house.shop.until(all_told)
    return [e.reorder_point_crossed.available_quantity for e in await house.events("reorder_point_crossed")]


async def test_whatever_moves_a_level_over_its_point_is_told_once(house) -> None:
    await house.stocked("CUP", 10)
    down: list[Callable[[], Awaitable[object]]] = [
        lambda: house.shop.hold({"CUP": 5}),
        lambda: adjust(house, "CUP", -5),
        lambda: set_point(house, "CUP", 5, safety=5),
        lambda: house.shop.open_sale("SALE", {"CUP": 5}),
    ]
    await set_point(house, "CUP", 5)
    assert await told(house) == []
    expected: list[int] = []
    for step in down:
        await step()
        expected.append(5)
        assert await told(house) == expected
        await house.shop.hold({"CUP": 1})
        assert await told(house) == expected
        await adjust(house, "CUP", 6)
        assert await told(house) == expected


async def test_a_point_set_above_what_is_there_is_crossed(house) -> None:
    await house.stocked("CUP", 3)
    await set_point(house, "CUP", 3)
    await set_point(house, "CUP", 9)
    assert await told(house) == [3]
    await set_point(house, "CUP", 0, quantity=0)
    await set_point(house, "CUP", 9)
    assert await told(house) == [3, 3]


async def test_many_buyers_at_two_replicas_cross_it_once(house) -> None:
    await house.stocked("CUP", 40)
    await set_point(house, "CUP", 20)
    async with house.shop.replica() as other:
        await asyncio.gather(
            *(shop.hold({"CUP": 1}) for _ in range(15) for shop in (house.shop, other)),
        )
        assert await told(house) == [
            (await house.events("reorder_point_crossed"))[0].reorder_point_crossed.available_quantity
        ]
    assert (await house.figures("CUP")).available_to_promise == 10


async def test_what_is_on_order_is_not_ordered_again(house) -> None:
    await house.stocked("CUP", 5)
    await set_point(house, "CUP", 20, quantity=8)
    receiving = receiving_pb2_grpc.ReceivingServiceStub(house.shop.channel)

    async def expect(number: int, units: int) -> str:
        expected = receiving_pb2.ExpectedReceipt(
            warehouse_code="JKT1",
            supplier="ACME",
            document=f"PO-{number}",
            lines=[receiving_pb2.ExpectedLine(sku_code="CUP", expected_quantity=units)],
        )
        answer = await receiving.CreateExpectedReceipt(
            receiving_pb2.CreateExpectedReceiptRequest(request_id=house.new_id(), expected_receipt=expected)
        )
        return answer.expected_receipt.expected_receipt_id

    async def listed() -> list[tuple[int, int, int]]:
        page = await house.inventory.ListReorders(pb.ListReordersRequest(warehouse_code="JKT1"))
        return [(need.available_quantity, need.on_order_quantity, need.order_quantity) for need in page.needs]

    assert await listed() == [(5, 0, 16)]
    first = await expect(1, 9)
    assert await listed() == [(5, 9, 8)]
    line = pb.ReceiptLine(sku_code="CUP", bin_code="A-01", quantity=4)
    await receiving.ReceiveDelivery(
        receiving_pb2.ReceiveDeliveryRequest(
            request_id=house.new_id(), expected_receipt_id=first, delivery_note="D-1", lines=[line]
        )
    )
    assert await listed() == [(9, 5, 8)]
    second = await expect(2, 7)
    assert await listed() == []
    await receiving.CancelExpectedReceipt(
        receiving_pb2.CancelExpectedReceiptRequest(
            request_id=house.new_id(), expected_receipt_id=second, reason="sold out there"
        )
    )
    assert await listed() == [(9, 5, 8)]
    await receiving.CloseExpectedReceipt(
        receiving_pb2.CloseExpectedReceiptRequest(
            request_id=house.new_id(), expected_receipt_id=first, reason="no more comes"
        )
    )
    assert await listed() == [(9, 0, 16)]


async def test_the_list_has_the_most_urgent_first_in_pages(house) -> None:
    for sku, units in (("FAST", 60), ("SLOW", 30), ("STILL", 5), ("PLENTY", 99), ("GONE", 1), ("UNSET", 0)):
        await house.stocked(sku, max(units, 1))
    await house.shipped("FAST", 56)
    await house.shipped("SLOW", 2)
    for sku, point, quantity in (("FAST", 30, 12), ("SLOW", 28, 0), ("STILL", 5, 10), ("PLENTY", 98, 1)):
        await set_point(house, sku, point, quantity=quantity)
    await set_point(house, "GONE", 5)
    await house.shop.sql.execute("UPDATE sku SET active = false WHERE sku_code = 'GONE'")

    found, token = [], ""
    while True:
        request = pb.ListReordersRequest(warehouse_code="JKT1", page_size=1, page_token=token)
        page = await house.inventory.ListReorders(request)
        found += zip((each.sku_code for each in page.reorders), page.needs, strict=True)
        token = page.next_page_token
        if not token:
            break
    assert [sku for sku, _ in found] == ["FAST", "SLOW", "STILL"]
    assert [need.available_quantity for _, need in found] == [4, 28, 5]
    assert [need.order_quantity for _, need in found] == [36, 1, 10]
    assert [need.sold_quantity for _, need in found] == [56, 2, 0]
    assert [need.days_of_cover for _, need in found[:2]] == [2.0, 392.0]
    assert not found[2][1].HasField("days_of_cover")
    unknown = await house.refused(
        house.inventory.ListReorders(pb.ListReordersRequest(warehouse_code="NOWHERE"))
    )
    assert unknown.reason == "WAREHOUSE_NOT_FOUND"


async def test_each_change_of_figures_is_kept_with_its_actor_and_never_changed(house) -> None:
    await house.stocked("CUP", 9)
    figures = pb.Replenishment(warehouse_code="JKT1", sku_code="CUP", safety_stock=2, reorder_point=4)
    request = pb.SetReplenishmentRequest(request_id="set-1", replenishment=figures, reason="season")
    first = await house.inventory.SetReplenishment(request)
    assert await house.inventory.SetReplenishment(request) == first
    await house.inventory.SetReplenishment(
        pb.SetReplenishmentRequest(request_id="set-2", replenishment=figures)
    )
    rows = await house.shop.rows(
        "SELECT safety_stock_before, safety_stock, reorder_point, reason, actor, request_id FROM replenishment_change"
    )
    assert rows == [(0, 2, 4, "season", "staff:test", "set-1")]
    figures.safety_stock = 3
    reused = await house.refused(
        house.inventory.SetReplenishment(request.__class__(request_id="set-1", replenishment=figures))
    )
    assert reused.reason == "REQUEST_ID_REUSED"
    for statement in ("UPDATE replenishment_change SET actor = 'me'", "DELETE FROM replenishment_change"):
        with pytest.raises(InsufficientPrivilege):
            await house.shop.sql.execute(statement)
