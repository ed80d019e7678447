"""What happened earlier can be written down later, with the time at which it happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

GOODS = {"warehouse_code": "JKT1", "sku_code": "TEE-M"}
REQUESTS: dict[str, Message] = {
    "MoveBetweenBins": pb.MoveBetweenBinsRequest(
        **GOODS, quantity=1, from_bin_code="A-01", to_bin_code="B-01"
    ),
    "AdjustStock": pb.AdjustStockRequest(**GOODS, bin_code="A-01", difference=-1, reason="lost"),
    "ScrapStock": pb.ScrapStockRequest(**GOODS, bin_code="A-01", quantity=1, reason="broken"),
    "RecordReturn": pb.RecordReturnRequest(
        **GOODS, quantity=1, condition=pb.RETURN_CONDITION_RESTOCK, bin_code="A-01"
    ),
}


async def request(house: Any, method: str) -> Any:
    """One that would be done."""
    await house.stocked("TEE-M", 9)
    made = type(REQUESTS[method])()
    made.CopyFrom(REQUESTS[method])
    made.request_id = house.new_id()  # type: ignore[attr-defined]
    if method == "RecordReturn":
        made.reservation_id = (await house.shipped("TEE-M", 2)).reservation_id  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("method", REQUESTS)
async def test_the_entry_says_when_it_happened_and_when_it_was_written(house: Any, method: str) -> None:
    happened = datetime.now(UTC) - timedelta(days=3, microseconds=7)
    told, untold = await request(house, method), type(REQUESTS[method])()
    untold.CopyFrom(told)
    untold.request_id = house.new_id()
    told.effective_time.FromDatetime(happened)
    entry = (await getattr(house.inventory, method)(told)).entry
    assert entry.effective_time.ToDatetime(tzinfo=UTC) == happened
    assert entry.record_time.ToDatetime(tzinfo=UTC) > happened + timedelta(days=2)
    entry = (await getattr(house.inventory, method)(untold)).entry
    assert entry.effective_time == entry.record_time
    await house.require_agreement()


@pytest.mark.parametrize("method", REQUESTS)
async def test_what_cannot_have_happened_is_refused(house: Any, method: str) -> None:
    asked = await request(house, method)
    moments = [
        datetime.now(UTC) + timedelta(hours=1),
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
    ]
    for moment in moments:
        asked.effective_time.FromDatetime(moment)
        failure = await house.refused_unchanged(getattr(house.inventory, method)(asked))
        assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
        assert [each.field for each in failure.fields] == ["effective_time"]
    asked.effective_time.seconds = 10**12
    failure = await house.refused_unchanged(getattr(house.inventory, method)(asked))
    assert [each.field for each in failure.fields] == ["effective_time"]
