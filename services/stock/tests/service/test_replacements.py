"""A customer gets another unit in place of a wrong one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc
import pytest

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.clients import failure_from
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store


def replacement(house: Any, sale: Any, units: int, **fields: Any) -> Any:
    return pb.RecordReplacementRequest(
        **{
            "request_id": house.new_id(),
            "reservation_id": sale.reservation_id,
            "warehouse_code": "JKT1",
            "sku_code": "CUP",
            "bin_code": "A-01",
            "quantity": units,
            "reason": "torn",
            **fields,
        }
    )


async def replace(house: Any, sale: Any, units: int, **fields: Any) -> Any:
    return await house.inventory.RecordReplacement(replacement(house, sale, units, **fields))


async def give_back(house: Any, sale: Any, units: int) -> None:
    await house.inventory.RecordReturn(
        pb.RecordReturnRequest(
            request_id=house.new_id(),
            reservation_id=sale.reservation_id,
            warehouse_code="JKT1",
            sku_code="CUP",
            quantity=units,
            condition=pb.RETURN_CONDITION_QUARANTINE,
        )
    )


async def test_a_unit_is_replaced_and_both_may_come_back(house) -> None:
    await house.stocked("CUP", 10)
    sale = await house.shipped("CUP", 2)
    request = replacement(house, sale, 1, document="JNE-2")
    with acting_as("staff:ani"):
        first = await house.inventory.RecordReplacement(request)
        assert await house.inventory.RecordReplacement(request) == first
    entry = first.entry
    assert (entry.from_place, entry.to_place, entry.kind) == (
        "A-01",
        "CUSTOMER",
        pb.MOVEMENT_KIND_REPLACEMENT,
    )
    assert (entry.reason, entry.document, entry.actor) == ("torn", "JNE-2", "staff:ani")
    request.quantity = 2
    failure = await house.refused_unchanged(house.inventory.RecordReplacement(request))
    assert failure.reason == "REQUEST_ID_REUSED"
    assert await house.places("CUP") == {"A-01": 7}
    await give_back(house, sale, 3)
    failure = await house.refused_unchanged(give_back(house, sale, 1))
    assert (failure.reason, failure.metadata["available_quantity"]) == ("MORE_THAN_SHIPPED", "0")
    assert await house.places("CUP") == {"A-01": 7, "QUARANTINE": 3}
    await house.require_agreement()


async def test_no_more_is_replaced_than_the_customer_has_and_each_once_until_it_came_back(house) -> None:
    await house.stocked("CUP", 10)
    sale = await house.shipped("CUP", 2)
    await give_back(house, sale, 1)
    failure = await house.refused_unchanged(replace(house, sale, 2))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "MORE_THAN_REPLACEABLE")
    assert failure.metadata["available_quantity"] == "1"
    one = await house.shipped("CUP", 1)
    await replace(house, one, 1)
    assert (await house.refused_unchanged(replace(house, one, 1))).reason == "MORE_THAN_REPLACEABLE"
    await give_back(house, one, 1)
    await replace(house, one, 1)
    gone = await house.shipped("CUP", 1)
    await give_back(house, gone, 1)
    assert (await house.refused_unchanged(replace(house, gone, 1))).reason == "MORE_THAN_REPLACEABLE"
    await house.require_agreement()


async def test_what_was_not_shipped_is_not_replaced_and_promised_units_are_not_given_away(house) -> None:
    await house.stocked("CUP", 5)
    waiting = await house.sell({"CUP": 1})
    assert (await house.refused_unchanged(replace(house, waiting, 1))).reason == "NOT_SHIPPED"
    sale = await house.shipped("CUP", 2)
    await house.shop.hold({"CUP": 1})
    failure = await house.refused_unchanged(replace(house, sale, 2))
    assert (failure.reason, failure.metadata["available_quantity"]) == ("NOT_ENOUGH_AVAILABLE", "1")
    failure = await house.refused_unchanged(replace(house, sale, 1, bin_code="A-02"))
    assert failure.reason == "NOT_ENOUGH_IN_BIN"
    await replace(house, sale, 1)
    await house.require_agreement()


async def test_replacements_at_once_do_not_exceed_what_was_sold(house) -> None:
    await house.stocked("CUP", 20)
    sale = await house.shipped("CUP", 3)

    async def told() -> str:
        try:
            await replace(house, sale, 1)
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason
        return "SENT"

    outcomes = Counter(await asyncio.gather(*(told() for _ in range(8))))
    assert outcomes == {"SENT": 3, "MORE_THAN_REPLACEABLE": 5}
    assert await house.places("CUP") == {"A-01": 14}
    await house.require_agreement()
