"""Goods that are set apart: not promised meanwhile, and back in a bin or thrown away afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import quarantine_pb2 as quarantine_pb
from lumbung.stock.v1 import quarantine_pb2_grpc
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

REQUESTS = {
    "MoveToQuarantine": quarantine_pb.MoveToQuarantineRequest,
    "ReleaseFromQuarantine": quarantine_pb.ReleaseFromQuarantineRequest,
}


def client(house: Any) -> Any:
    return quarantine_pb2_grpc.QuarantineServiceStub(house.shop.channel)


def wish(house: Any, method: str, **fields: Any) -> Any:
    good = {"warehouse_code": "JKT1", "sku_code": "CUP", "bin_code": "A-01", "quantity": 1, "reason": "wet"}
    return REQUESTS[method](**{"request_id": house.new_id(), **good, **fields})


async def test_units_set_apart_cannot_be_promised_until_they_are_released(house) -> None:
    await house.stocked("CUP", 5)
    request = wish(house, "MoveToQuarantine", quantity=3)
    with acting_as("staff:ani"):
        first = await client(house).MoveToQuarantine(request)
    assert await client(house).MoveToQuarantine(request) == first
    entry = first.entry
    assert (entry.to_place, entry.kind, entry.reason, entry.actor) == (
        "QUARANTINE",
        pb.MOVEMENT_KIND_QUARANTINE,
        "wet",
        "staff:ani",
    )
    assert (await house.figures("CUP")).available_to_promise == 2
    request.quantity = 2
    failure = await house.refused_unchanged(client(house).MoveToQuarantine(request))
    assert failure.reason == "REQUEST_ID_REUSED"
    release = wish(house, "ReleaseFromQuarantine", quantity=2, bin_code="B-01", reason="dry again")
    again = await client(house).ReleaseFromQuarantine(release)
    assert await client(house).ReleaseFromQuarantine(release) == again
    assert await house.places("CUP") == {"A-01": 2, "B-01": 2, "QUARANTINE": 1}
    assert (await house.figures("CUP")).available_to_promise == 4
    assert len(await house.events("availability_changed")) == 3
    await house.require_agreement()


async def test_promised_units_that_are_set_apart_become_a_shortfall(house) -> None:
    await house.stocked("CUP", 5)
    await house.sell({"CUP": 4})
    await client(house).MoveToQuarantine(wish(house, "MoveToQuarantine", quantity=3))
    await house.require_agreement(shortfall=2)
    await client(house).ReleaseFromQuarantine(wish(house, "ReleaseFromQuarantine", quantity=3))
    await house.require_agreement()


async def test_more_than_there_is_neither_goes_there_nor_comes_back(house) -> None:
    await house.stocked("CUP", 5)
    await client(house).MoveToQuarantine(wish(house, "MoveToQuarantine", quantity=2))
    for method, place in (("MoveToQuarantine", "A-01"), ("ReleaseFromQuarantine", "QUARANTINE")):
        failure = await house.refused_unchanged(
            getattr(client(house), method)(wish(house, method, quantity=4))
        )
        assert (failure.reason, failure.metadata["bin_code"]) == ("NOT_ENOUGH_IN_BIN", place)


async def test_what_is_set_apart_is_listed_by_age_with_its_reason(house) -> None:
    for sku in ("CUP", "BOX", "CAP"):
        await house.stocked(sku, 5)
        await client(house).MoveToQuarantine(
            wish(house, "MoveToQuarantine", sku_code=sku, quantity=2, reason=f"wet {sku}")
        )
    found, token = [], ""
    while True:
        page = await client(house).ListQuarantine(
            quarantine_pb.ListQuarantineRequest(warehouse_code="JKT1", page_size=2, page_token=token)
        )
        found += [(each.sku_code, each.quantity, each.reason) for each in page.goods]
        token = page.next_page_token
        if not token:
            break
    assert found == [("CUP", 2, "wet CUP"), ("BOX", 2, "wet BOX"), ("CAP", 2, "wet CAP")]


async def test_what_waits_or_is_set_apart_can_be_corrected_and_thrown_away(house) -> None:
    await house.know("CUP")
    await house.receive("CUP", 5, "RECEIVING")
    await client(house).MoveToQuarantine(wish(house, "MoveToQuarantine", bin_code="RECEIVING", quantity=2))
    goods = {"warehouse_code": "JKT1", "sku_code": "CUP", "reason": "broken"}
    for place in ("RECEIVING", "QUARANTINE"):
        await house.inventory.ScrapStock(
            pb.ScrapStockRequest(request_id=house.new_id(), bin_code=place, quantity=1, **goods)
        )
    await house.inventory.AdjustStock(
        pb.AdjustStockRequest(request_id=house.new_id(), bin_code="RECEIVING", difference=-1, **goods)
    )
    assert await house.places("CUP") == {"QUARANTINE": 1, "RECEIVING": 1}
    await house.require_agreement()


async def test_bad_input_is_refused_with_every_field_named_and_nothing_changed(house) -> None:
    await house.stocked("CUP", 5)
    await house.know("SET", {"CUP": 2})
    before = await house.content()
    for method in REQUESTS:
        for field, value, reason in (
            ("request_id", "", "BAD_INPUT"),
            ("warehouse_code", "", "BAD_INPUT"),
            ("sku_code", "a b", "BAD_INPUT"),
            ("bin_code", "", "BAD_INPUT"),
            ("quantity", 0, "BAD_INPUT"),
            ("quantity", 1_000_001, "BAD_INPUT"),
            ("reason", " ", "BAD_INPUT"),
            ("reason", "x" * 201, "BAD_INPUT"),
            ("warehouse_code", "NOWHERE", "WAREHOUSE_NOT_FOUND"),
            ("sku_code", "NO-SUCH", "SKU_NOT_FOUND"),
            ("sku_code", "SET", "SKU_IS_BUNDLE"),
            ("bin_code", "Z-99", "BIN_NOT_FOUND"),
            ("bin_code", "QUARANTINE", "BIN_NOT_FOUND"),
        ):
            failure = await house.refused(
                getattr(client(house), method)(wish(house, method, **{field: value}))
            )
            assert failure.reason == reason, (method, field, value)
            if reason == "BAD_INPUT":
                assert (failure.kind, [each.field for each in failure.fields]) == (
                    Kind.INVALID_ARGUMENT,
                    [field],
                )
    for fields in ({"warehouse_code": ""}, {"page_size": -1}, {"page_token": "nonsense"}):
        request = quarantine_pb.ListQuarantineRequest(**{"warehouse_code": "JKT1", **fields})
        failure = await house.refused(client(house).ListQuarantine(request))
        assert [each.field for each in failure.fields] == list(fields)
    assert await house.content() == before
