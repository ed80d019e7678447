"""Bad input on every RPC of the warehouse side: typed, every field named, nothing changed."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

UNKNOWN = "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"

GOOD: dict[str, Message] = {
    "ReceiveStock": pb.ReceiveStockRequest(
        request_id="r",
        warehouse_code="JKT1",
        document="PO-1",
        lines=[pb.ReceiptLine(sku_code="TEE-M", bin_code="A-01", quantity=1)],
    ),
    "MoveBetweenBins": pb.MoveBetweenBinsRequest(
        request_id="r",
        warehouse_code="JKT1",
        sku_code="TEE-M",
        quantity=1,
        from_bin_code="A-01",
        to_bin_code="B-01",
    ),
    "AdjustStock": pb.AdjustStockRequest(
        request_id="r",
        warehouse_code="JKT1",
        sku_code="TEE-M",
        bin_code="A-01",
        difference=1,
        reason="found",
    ),
    "RecordPick": pb.RecordPickRequest(
        request_id="r",
        reservation_id=UNKNOWN,
        warehouse_code="JKT1",
        sku_code="TEE-M",
        bin_code="A-01",
        quantity=1,
    ),
    "RecordShortPick": pb.RecordShortPickRequest(
        request_id="r", warehouse_code="JKT1", sku_code="TEE-M", bin_code="A-01", missing_quantity=1
    ),
    "RecordPutBack": pb.RecordPutBackRequest(
        request_id="r",
        reservation_id=UNKNOWN,
        warehouse_code="JKT1",
        sku_code="TEE-M",
        bin_code="A-01",
        quantity=1,
    ),
    "ShipReservation": pb.ShipReservationRequest(request_id="r", reservation_id=UNKNOWN),
    "RecordReturn": pb.RecordReturnRequest(
        request_id="r",
        reservation_id=UNKNOWN,
        warehouse_code="JKT1",
        sku_code="TEE-M",
        quantity=1,
        condition=pb.RETURN_CONDITION_RESTOCK,
        bin_code="A-01",
    ),
    "RecordReplacement": pb.RecordReplacementRequest(
        request_id="r",
        reservation_id=UNKNOWN,
        warehouse_code="JKT1",
        sku_code="TEE-M",
        bin_code="A-01",
        quantity=1,
        reason="torn",
    ),
    "ScrapStock": pb.ScrapStockRequest(
        request_id="r", warehouse_code="JKT1", sku_code="TEE-M", bin_code="A-01", quantity=1, reason="broken"
    ),
    "SetReplenishment": pb.SetReplenishmentRequest(
        request_id="r", replenishment=pb.Replenishment(warehouse_code="JKT1", sku_code="TEE-M")
    ),
    "ListBinStock": pb.ListBinStockRequest(warehouse_code="JKT1"),
    "ListLedgerEntries": pb.ListLedgerEntriesRequest(warehouse_code="JKT1"),
    "GetStockAsOf": pb.GetStockAsOfRequest(
        warehouse_code="JKT1", as_of_time=Timestamp(seconds=1_700_000_000)
    ),
    "ListReorders": pb.ListReordersRequest(warehouse_code="JKT1"),
}
MOVES_ONE_SKU = ("MoveBetweenBins", "AdjustStock", "RecordShortPick", "ScrapStock")
FOR_A_RESERVATION = ("RecordPick", "RecordPutBack", "RecordReturn", "RecordReplacement")
QUANTITY = {
    "MoveBetweenBins": "quantity",
    "RecordPick": "quantity",
    "RecordShortPick": "missing_quantity",
    "RecordPutBack": "quantity",
    "RecordReturn": "quantity",
    "RecordReplacement": "quantity",
    "ScrapStock": "quantity",
}
LONG = "x" * 201


def spoiled(method: str, changes: dict[str, Any]) -> Message:
    """A good request with some fields replaced, by path."""
    request = type(GOOD[method])()
    request.CopyFrom(GOOD[method])
    for path, value in changes.items():
        *parents, name = path.split(".")
        target = request
        for parent in parents:
            target = getattr(target, parent)
        if value is None:
            target.ClearField(name)
        elif isinstance(value, Message):
            getattr(target, name).CopyFrom(value)
        elif isinstance(value, list):
            del getattr(target, name)[:]
            getattr(target, name).extend(value)
        else:
            setattr(target, name, value)
    return request


BAD_INPUT: list[tuple[str, dict[str, Any], list[str]]] = [
    *(
        (method, {"request_id": ""}, ["request_id"])
        for method in GOOD
        if not method.startswith(("List", "Get"))
    ),
    *(
        (method, {"request_id": "no spaces"}, ["request_id"])
        for method in GOOD
        if not method.startswith(("List", "Get"))
    ),
    *(
        (method, {"warehouse_code": ""}, ["warehouse_code"])
        for method in GOOD
        if method not in {"ShipReservation", "SetReplenishment", "ListReorders"}
    ),
    *((method, {"sku_code": ""}, ["sku_code"]) for method in (*MOVES_ONE_SKU, *FOR_A_RESERVATION)),
    *((method, {"sku_code": "a b"}, ["sku_code"]) for method in (*MOVES_ONE_SKU, *FOR_A_RESERVATION)),
    *(
        (method, {field: value}, [field])
        for method, field in QUANTITY.items()
        for value in (0, -1, 1_000_001)
    ),
    *(
        (method, {"bin_code": ""}, ["bin_code"])
        for method in (
            "AdjustStock",
            "RecordPick",
            "RecordShortPick",
            "RecordPutBack",
            "ScrapStock",
            "RecordReturn",
            "RecordReplacement",
        )
    ),
    *(
        (method, {"reservation_id": value}, ["reservation_id"])
        for method in (*FOR_A_RESERVATION, "ShipReservation")
        for value in ("", "12")
    ),
    ("RecordShortPick", {"reservation_id": "12"}, ["reservation_id"]),
    ("ReceiveStock", {"document": ""}, ["document"]),
    ("ReceiveStock", {"document": "x" * 65}, ["document"]),
    ("ReceiveStock", {"lines": []}, ["lines"]),
    (
        "ReceiveStock",
        {"lines": [pb.ReceiptLine(sku_code="TEE-M", bin_code="A-01", quantity=1)] * 501},
        ["lines"],
    ),
    ("ReceiveStock", {"effective_time.seconds": 10**12}, ["effective_time"]),
    (
        "ReceiveStock",
        {"lines": [pb.ReceiptLine(), pb.ReceiptLine(sku_code="TEE-M", bin_code="A-01", quantity=0)]},
        ["lines[0].sku_code", "lines[0].bin_code", "lines[0].quantity", "lines[1].quantity"],
    ),
    ("MoveBetweenBins", {"to_bin_code": "A-01"}, ["to_bin_code"]),
    ("MoveBetweenBins", {"from_bin_code": ""}, ["from_bin_code"]),
    ("MoveBetweenBins", {"reason": LONG}, ["reason"]),
    ("AdjustStock", {"difference": 0}, ["difference"]),
    ("AdjustStock", {"difference": -1_000_001}, ["difference"]),
    ("AdjustStock", {"difference": 1_000_001}, ["difference"]),
    ("AdjustStock", {"reason": ""}, ["reason"]),
    ("AdjustStock", {"document": "x" * 65}, ["document"]),
    ("ScrapStock", {"reason": ""}, ["reason"]),
    ("ScrapStock", {"reason": LONG}, ["reason"]),
    ("ShipReservation", {"document": "x" * 65}, ["document"]),
    ("ShipReservation", {"warehouse_code": "J 1"}, ["warehouse_code"]),
    ("ShipReservation", {"warehouse_code": "J" * 33}, ["warehouse_code"]),
    ("RecordReturn", {"condition": 0}, ["condition"]),
    ("RecordReturn", {"condition": 99}, ["condition"]),
    ("RecordReturn", {"condition": pb.RETURN_CONDITION_SCRAP}, ["bin_code"]),
    ("RecordReturn", {"reason": LONG}, ["reason"]),
    *(("RecordReplacement", {"reason": value}, ["reason"]) for value in ("", " ", LONG)),
    ("RecordReplacement", {"document": "x" * 65}, ["document"]),
    ("SetReplenishment", {"replenishment.warehouse_code": ""}, ["replenishment.warehouse_code"]),
    ("SetReplenishment", {"replenishment.sku_code": ""}, ["replenishment.sku_code"]),
    ("SetReplenishment", {"replenishment.safety_stock": -1}, ["replenishment.safety_stock"]),
    ("SetReplenishment", {"replenishment.reorder_point": -1}, ["replenishment.reorder_point"]),
    ("SetReplenishment", {"replenishment.reorder_quantity": 1_000_001}, ["replenishment.reorder_quantity"]),
    ("SetReplenishment", {"reason": LONG}, ["reason"]),
    ("ListReorders", {"warehouse_code": "J 1"}, ["warehouse_code"]),
    ("ListReorders", {"page_size": -1}, ["page_size"]),
    ("ListReorders", {"page_token": "nonsense"}, ["page_token"]),
    ("ListBinStock", {"page_size": -1}, ["page_size"]),
    ("ListBinStock", {"page_token": "nonsense"}, ["page_token"]),
    ("ListBinStock", {"sku_codes": ["S"] * 501}, ["sku_codes"]),
    ("ListBinStock", {"bin_codes": ["A-01", ""]}, ["bin_codes[1]"]),
    ("ListLedgerEntries", {"page_size": -1}, ["page_size"]),
    ("ListLedgerEntries", {"page_token": "nonsense"}, ["page_token"]),
    ("ListLedgerEntries", {"sku_code": "a b"}, ["sku_code"]),
    ("ListLedgerEntries", {"document": "x" * 65}, ["document"]),
    ("ListLedgerEntries", {"place_code": "x" * 33}, ["place_code"]),
    ("ListLedgerEntries", {"kinds": [99]}, ["kinds[0]"]),
    ("ListLedgerEntries", {"kinds": [0]}, ["kinds[0]"]),
    ("ListLedgerEntries", {"kinds": [1] * 21}, ["kinds"]),
    ("ListLedgerEntries", {"actor": "x" * 97}, ["actor"]),
    ("ListLedgerEntries", {"by_request_id": "x" * 65}, ["by_request_id"]),
    ("ListLedgerEntries", {"from_time": Timestamp(seconds=-(2**40))}, ["from_time"]),
    (
        "ListLedgerEntries",
        {"from_time": Timestamp(seconds=2), "until_time": Timestamp(seconds=2)},
        ["until_time"],
    ),
    ("GetStockAsOf", {"as_of_time": None}, ["as_of_time"]),
    ("GetStockAsOf", {"as_of_time": Timestamp(seconds=2**40)}, ["as_of_time"]),
    ("GetStockAsOf", {"sku_codes": ["S"] * 501}, ["sku_codes"]),
    ("GetStockAsOf", {"bin_codes": [""]}, ["bin_codes[0]"]),
    ("GetStockAsOf", {"page_size": -1}, ["page_size"]),
    ("GetStockAsOf", {"page_token": "nonsense"}, ["page_token"]),
]

UNKNOWN_CODES: list[tuple[str, dict[str, Any], str]] = [
    *(
        (method, {"warehouse_code": "NOWHERE"}, "WAREHOUSE_NOT_FOUND")
        for method in GOOD
        if method not in {"ShipReservation", "SetReplenishment"}
    ),
    *((method, {"sku_code": "NO-SUCH"}, "SKU_NOT_FOUND") for method in (*MOVES_ONE_SKU, *FOR_A_RESERVATION)),
    *((method, {"sku_code": "SET"}, "SKU_IS_BUNDLE") for method in (*MOVES_ONE_SKU, *FOR_A_RESERVATION)),
    *(
        (method, {"bin_code": "Z-99"}, "BIN_NOT_FOUND")
        for method in (
            "AdjustStock",
            "RecordPick",
            "RecordShortPick",
            "RecordPutBack",
            "ScrapStock",
            "RecordReturn",
            "RecordReplacement",
        )
    ),
    *((method, {}, "RESERVATION_NOT_FOUND") for method in (*FOR_A_RESERVATION, "ShipReservation")),
    ("RecordShortPick", {"reservation_id": UNKNOWN}, "RESERVATION_NOT_FOUND"),
    ("GetStockAsOf", {"sku_codes": ["NO-SUCH"]}, "SKU_NOT_FOUND"),
    ("GetStockAsOf", {"sku_codes": ["SET"]}, "SKU_IS_BUNDLE"),
    ("MoveBetweenBins", {"to_bin_code": "Z-99"}, "BIN_NOT_FOUND"),
    ("SetReplenishment", {"replenishment.warehouse_code": "NOWHERE"}, "WAREHOUSE_NOT_FOUND"),
    ("SetReplenishment", {"replenishment.sku_code": "NO-SUCH"}, "SKU_NOT_FOUND"),
    ("SetReplenishment", {"replenishment.sku_code": "SET"}, "SKU_IS_BUNDLE"),
]


async def test_bad_input_is_refused_with_every_field_named_and_nothing_changed(house) -> None:
    await house.stocked("TEE-M", 5)
    before = await house.content()
    for method, changes, fields in BAD_INPUT:
        failure = await house.refused(getattr(house.inventory, method)(spoiled(method, changes)))
        about = (method, changes)
        assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT"), about
        assert [each.field for each in failure.fields] == fields, about
        assert failure.domain == "stock.lumbung"
    assert await house.content() == before


async def test_unknown_codes_are_refused_with_their_reason_and_nothing_changed(house) -> None:
    await house.stocked("TEE-M", 5)
    await house.know("SET", {"TEE-M": 2})
    before = await house.content()
    for method, changes, reason in UNKNOWN_CODES:
        failure = await house.refused(getattr(house.inventory, method)(spoiled(method, changes)))
        kind = Kind.FAILED_PRECONDITION if reason == "SKU_IS_BUNDLE" else Kind.NOT_FOUND
        assert (failure.kind, failure.reason) == (kind, reason), (method, changes)
    assert await house.content() == before


def test_every_rpc_has_bad_input_here_or_in_a_file_of_its_own() -> None:
    service = pb.DESCRIPTOR.services_by_name["InventoryService"]
    elsewhere = {"TransferToWarehouse", "ReceiveTransfer"}  # test_transfers.py
    assert {method.name for method in service.methods} - elsewhere == {method for method, _, _ in BAD_INPUT}


async def test_a_page_token_belongs_to_the_filters_of_its_list(house) -> None:
    await house.stocked("TEE-M", 5)
    await house.receive("TEE-M", 5, "B-01")
    page = await house.inventory.ListBinStock(pb.ListBinStockRequest(warehouse_code="JKT1", page_size=1))
    other = pb.ListBinStockRequest(
        warehouse_code="JKT1", bin_codes=["A-01"], page_size=1, page_token=page.next_page_token
    )
    failure = await house.refused(house.inventory.ListBinStock(other))
    assert [each.field for each in failure.fields] == ["page_token"]
