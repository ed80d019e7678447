"""Reason codes: a shop begins with some, makes its own, and corrects figures by them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lumbung.stock.v1 import inventory_pb2, reason_codes_pb2_grpc
from lumbung.stock.v1 import reason_codes_pb2 as pb
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind
from lumbung_stock.domain import reason_codes
from lumbung_stock.domain.reason_codes import reason_text
from lumbung_stock.usecases import set_reason_code

pytestmark = pytest.mark.store

RETIRED = pb.ReasonCode(reason_code="SAMPLE", name_en="Sample", name_id="Sampel", retired=True)


def reasons(house: Any) -> Any:
    return reason_codes_pb2_grpc.ReasonCodeServiceStub(house.shop.channel)


async def put(house: Any, reason: pb.ReasonCode) -> None:
    await reasons(house).SetReasonCode(pb.SetReasonCodeRequest(request_id=house.new_id(), reason_code=reason))


async def codes(house: Any, **fields: Any) -> list[str]:
    found = await reasons(house).ListReasonCodes(pb.ListReasonCodesRequest(**fields))
    return [each.reason_code for each in found.reason_codes]


def adjust(house: Any, **fields: Any) -> Any:
    good = {"warehouse_code": "JKT1", "sku_code": "CUP", "bin_code": "A-01", "difference": -1}
    request = inventory_pb2.AdjustStockRequest(**{"request_id": house.new_id(), **good, **fields})
    return house.inventory.AdjustStock(request)


@pytest.mark.parametrize(
    ("code", "words", "text"),
    [("DAMAGE", "", "DAMAGE"), ("", "wet", "wet"), ("DAMAGE", "wet: very", "DAMAGE: wet: very")],
)
def test_the_ledger_keeps_code_and_words(code: str, words: str, text: str) -> None:
    assert reason_text(code, words) == text


async def test_a_shop_begins_with_some_in_both_languages(house: Any) -> None:
    found = (await reasons(house).ListReasonCodes(pb.ListReasonCodesRequest())).reason_codes
    assert [each.reason_code for each in found] == sorted(each.reason_code for each in found)
    assert {"DAMAGE", "LOSS", "FOUND", "OPENING"} <= {each.reason_code for each in found}
    assert all(each.name_en and each.name_id and not each.retired for each in found)


async def test_a_correction_by_code_is_found_by_it(house: Any) -> None:
    await house.stocked("CUP", 9)
    await adjust(house, reason_code="DAMAGE")
    await adjust(house, reason_code="DAMAGE", reason="fell off the shelf")
    await adjust(house, reason="DAMAGED somehow")
    await adjust(house, reason_code="LOSS")
    request = inventory_pb2.ListLedgerEntriesRequest(warehouse_code="JKT1", reason_code="DAMAGE")
    for newest_first in (False, True):
        request.newest_first = newest_first
        found = [entry.reason for entry in (await house.inventory.ListLedgerEntries(request)).entries]
        assert sorted(found) == ["DAMAGE", "DAMAGE: fell off the shelf"]


@pytest.mark.parametrize("code", ["SAMPLE", "NO_SUCH"])
async def test_a_retired_or_unknown_code_is_refused_with_those_that_may_be_used(
    house: Any, code: str
) -> None:
    await house.stocked("CUP", 9)
    await put(house, RETIRED)
    assert "SAMPLE" not in await codes(house)
    assert "SAMPLE" in await codes(house, include_retired=True)
    before = await house.content()
    failure = await house.refused(adjust(house, reason_code=code, reason="x"))
    assert (failure.kind, failure.reason) == (Kind.NOT_FOUND, "REASON_CODE_UNKNOWN")
    usable = failure.metadata["usable"].split(",")
    assert "DAMAGE" in usable
    assert "SAMPLE" not in usable
    assert await house.content() == before


async def test_changes_are_kept_with_who_made_them(house: Any) -> None:
    own = pb.ReasonCode(reason_code="MICE", name_en="Eaten by mice", name_id="Dimakan tikus")
    with acting_as("staff:ani"):
        await put(house, own)
        await put(house, own)  # nothing new
    own.retired = True
    with acting_as("staff:budi"):
        await put(house, own)
    request = pb.ListReasonCodeChangesRequest(reason_code="MICE")
    found = (await reasons(house).ListReasonCodeChanges(request)).changes
    assert [(each.actor, each.reason_code.retired) for each in found] == [
        ("staff:budi", True),
        ("staff:ani", False),
    ]
    unknown = reasons(house).ListReasonCodeChanges(pb.ListReasonCodeChangesRequest(reason_code="NONE"))
    assert (await house.refused(unknown)).reason == "REASON_CODE_UNKNOWN"


async def test_a_repeated_request_gets_its_first_answer(house: Any) -> None:
    request = pb.SetReasonCodeRequest(request_id="once", reason_code=RETIRED)
    assert await reasons(house).SetReasonCode(request) == await reasons(house).SetReasonCode(request)
    request.reason_code.retired = False
    assert (await house.refused(reasons(house).SetReasonCode(request))).reason == "REQUEST_ID_REUSED"


async def test_there_are_never_too_many_though_several_are_made_at_once(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = len(await codes(house))
    monkeypatch.setattr(set_reason_code, "CODES_MAX", there + 2)
    made = [
        put(house, pb.ReasonCode(reason_code=f"OWN_{number}", name_en="own", name_id="sendiri"))
        for number in range(5)
    ]
    outcomes = await asyncio.gather(*made, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 2
    assert len(await codes(house)) == there + 2
    assert reason_codes.CODES_MAX == 200


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ({}, ["reason_code.reason_code", "reason_code.name_en", "reason_code.name_id"]),
        ({"reason_code": "damage", "name_en": "x", "name_id": "x"}, ["reason_code.reason_code"]),
        ({"reason_code": "A: B", "name_en": "x", "name_id": "x"}, ["reason_code.reason_code"]),
        ({"reason_code": "A" * 33, "name_en": "x", "name_id": "x"}, ["reason_code.reason_code"]),
        (
            {"reason_code": "A", "name_en": "x" * 81, "name_id": "x\x07"},
            ["reason_code.name_en", "reason_code.name_id"],
        ),
    ],
)
async def test_bad_codes_are_named(house: Any, reason: dict[str, str], fields: list[str]) -> None:
    request = pb.SetReasonCodeRequest(request_id="r", reason_code=pb.ReasonCode(**reason))
    failure = await house.refused(reasons(house).SetReasonCode(request))
    assert [each.field for each in failure.fields] == fields
    assert await house.shop.scalar("SELECT count(*) FROM reason_code WHERE actor <> 'service:stock'") == 0


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"reason_code": "no"}, "reason_code"),
        ({}, "reason"),
        ({"reason_code": "DAMAGE", "reason": "x" * 193}, "reason"),
    ],
)
async def test_bad_corrections_are_named(house: Any, fields: dict[str, str], wrong: str) -> None:
    await house.stocked("CUP", 9)
    failure = await house.refused(adjust(house, **fields))
    assert [each.field for each in failure.fields] == [wrong]
