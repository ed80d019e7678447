"""Warehouses and bins over real gRPC: made once, placed within the layout, listed by pages."""

from __future__ import annotations

from typing import Any

import pytest

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1.geo_pb2 import GeoPoint
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store


def warehouse(**fields: Any) -> pb.Warehouse:
    return pb.Warehouse(
        **{
            "warehouse_code": "SBY1",
            "name": "Surabaya",
            "time_zone": "Asia/Jakarta",
            "priority": 2,
            "aisle_x_m": [0.0, 3.5, 7.0],
            "cross_aisle_y_m": [0.0, 20.0],
            "depot_x_m": 1.0,
            **fields,
        }
    )


def a_bin(**fields: Any) -> pb.Bin:
    return pb.Bin(
        **{"bin_code": "C-01", "kind": pb.BIN_KIND_PICK, "aisle_index": 1, "y_m": 2.0, "level": 1, **fields}
    )


def make(house, **fields: Any) -> pb.CreateWarehouseRequest:
    return pb.CreateWarehouseRequest(request_id=house.new_id(), warehouse=warehouse(**fields))


def put(house, *bins: pb.Bin, warehouse_code: str = "JKT1") -> pb.PutBinsRequest:
    return pb.PutBinsRequest(request_id=house.new_id(), warehouse_code=warehouse_code, bins=bins)


@pytest.mark.parametrize("location", [None, GeoPoint(latitude_deg=-7.25, longitude_deg=112.75), GeoPoint()])
async def test_a_warehouse_is_made_once_and_takes_goods(house, location: GeoPoint | None) -> None:
    request = make(house, location=location)
    first = await house.warehouses.CreateWarehouse(request)
    assert await house.warehouses.CreateWarehouse(request) == first
    assert first.warehouse == request.warehouse
    read = await house.warehouses.GetWarehouse(pb.GetWarehouseRequest(warehouse_code="SBY1"))
    assert read.warehouse == request.warehouse
    await house.warehouses.PutBins(put(house, a_bin(), warehouse_code="SBY1"))
    await house.know("TEE-M")
    line = pb.ReceiptLine(sku_code="TEE-M", bin_code="C-01", quantity=3)
    received = await house.inventory.ReceiveStock(
        pb.ReceiveStockRequest(
            request_id=house.new_id(), warehouse_code="SBY1", document="PO-1", lines=[line]
        )
    )
    assert [each.sequence for each in received.entries] == [1]
    await house.require_agreement()


async def test_a_warehouse_code_is_taken_once(house) -> None:
    await house.warehouses.CreateWarehouse(make(house))
    failure = await house.refused_unchanged(house.warehouses.CreateWarehouse(make(house, name="Other")))
    assert (failure.kind, failure.reason) == (Kind.ALREADY_EXISTS, "WAREHOUSE_EXISTS")


async def test_the_same_request_id_with_another_warehouse_is_refused(house) -> None:
    request = make(house)
    await house.warehouses.CreateWarehouse(request)
    request.warehouse.warehouse_code = "SBY2"
    failure = await house.refused_unchanged(house.warehouses.CreateWarehouse(request))
    assert failure.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"warehouse_code": ""}, ["warehouse.warehouse_code"]),
        ({"warehouse_code": "x" * 33}, ["warehouse.warehouse_code"]),
        ({"name": ""}, ["warehouse.name"]),
        ({"time_zone": ""}, ["warehouse.time_zone"]),
        ({"time_zone": "Asia/Nowhere"}, ["warehouse.time_zone"]),
        ({"time_zone": "../etc/passwd"}, ["warehouse.time_zone"]),
        ({"priority": -1}, ["warehouse.priority"]),
        ({"aisle_x_m": []}, ["warehouse.aisle_x_m"]),
        ({"aisle_x_m": range(101)}, ["warehouse.aisle_x_m"]),
        ({"aisle_x_m": [0, 3, 3]}, ["warehouse.aisle_x_m"]),
        ({"cross_aisle_y_m": [0]}, ["warehouse.cross_aisle_y_m"]),
        ({"cross_aisle_y_m": range(11)}, ["warehouse.cross_aisle_y_m"]),
        ({"cross_aisle_y_m": [5, 0]}, ["warehouse.cross_aisle_y_m"]),
        ({"location": GeoPoint(latitude_deg=90.01)}, ["warehouse.location.latitude_deg"]),
        ({"location": GeoPoint(longitude_deg=-180.5)}, ["warehouse.location.longitude_deg"]),
        (
            {"location": GeoPoint(latitude_deg=float("nan"), longitude_deg=float("inf"))},
            ["warehouse.location.latitude_deg", "warehouse.location.longitude_deg"],
        ),
        ({"depot_x_m": float("nan")}, ["warehouse.depot_x_m"]),
        ({"depot_x_m": float("inf")}, ["warehouse.depot_x_m"]),
        ({"name": "", "priority": -1}, ["warehouse.name", "warehouse.priority"]),
    ],
)
async def test_a_warehouse_that_cannot_be_is_refused(house, fields: dict[str, Any], named: list[str]) -> None:
    failure = await house.refused_unchanged(house.warehouses.CreateWarehouse(make(house, **fields)))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [each.field for each in failure.fields] == named


async def test_bins_are_made_then_changed_then_left_alone(house) -> None:
    first = put(house, a_bin(), a_bin(bin_code="C-02"))
    assert (await house.warehouses.PutBins(first)).created_count == 2
    assert (await house.warehouses.PutBins(first)).created_count == 2
    changed = await house.warehouses.PutBins(
        put(house, a_bin(), a_bin(bin_code="C-02", kind=pb.BIN_KIND_FORWARD), a_bin(bin_code="C-03"))
    )
    assert (changed.created_count, changed.changed_count) == (1, 1)
    listed = await house.warehouses.ListBins(pb.ListBinsRequest(warehouse_code="JKT1"))
    by_code = {each.bin_code: each for each in listed.bins}
    assert list(by_code) == ["A-01", "A-02", "B-01", "C-01", "C-02", "C-03"]
    assert by_code["C-02"].kind == pb.BIN_KIND_FORWARD


async def test_room_of_a_bin_is_kept_and_changed(house) -> None:
    await house.warehouses.PutBins(put(house, a_bin(capacity_units=40), a_bin(bin_code="C-02")))
    changed = await house.warehouses.PutBins(put(house, a_bin(bin_code="C-02", capacity_units=7)))
    assert (changed.created_count, changed.changed_count) == (0, 1)
    listed = await house.warehouses.ListBins(pb.ListBinsRequest(warehouse_code="JKT1"))
    room = {each.bin_code: each.capacity_units for each in listed.bins}
    assert (room["C-01"], room["C-02"], room["A-01"]) == (40, 7, 0)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"bin_code": ""}, ["bins[1].bin_code"]),
        ({"bin_code": "A 1"}, ["bins[1].bin_code"]),
        ({"bin_code": "PACKING"}, ["bins[1].bin_code"]),
        ({"bin_code": "quarantine"}, ["bins[1].bin_code"]),
        ({"bin_code": "C-00"}, ["bins[1].bin_code"]),
        ({"kind": 0}, ["bins[1].kind"]),
        ({"kind": 99}, ["bins[1].kind"]),
        ({"aisle_index": -1}, ["bins[1].aisle_index"]),
        ({"aisle_index": 2}, ["bins[1].aisle_index"]),
        ({"y_m": -0.5}, ["bins[1].y_m"]),
        ({"y_m": 10.5}, ["bins[1].y_m"]),
        ({"y_m": float("nan")}, ["bins[1].y_m"]),
        ({"bay": -1}, ["bins[1].bay"]),
        ({"level": 0}, ["bins[1].level"]),
        ({"zone": "x" * 33}, ["bins[1].zone"]),
        ({"capacity_units": -1}, ["bins[1].capacity_units"]),
        ({"capacity_units": 1_000_001}, ["bins[1].capacity_units"]),
        ({"aisle_index": 7, "y_m": 99.0}, ["bins[1].aisle_index", "bins[1].y_m"]),
    ],
)
async def test_a_bin_that_cannot_be_keeps_all_of_them_out(
    house, fields: dict[str, Any], named: list[str]
) -> None:
    request = put(house, a_bin(bin_code="C-00"), a_bin(**fields))
    failure = await house.refused_unchanged(house.warehouses.PutBins(request))
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [each.field for each in failure.fields] == named


async def test_the_number_of_bins_of_a_call_is_bounded(house) -> None:
    for bins in ([], [a_bin(bin_code=f"D-{n}") for n in range(2_001)]):
        failure = await house.refused_unchanged(house.warehouses.PutBins(put(house, *bins)))
        assert [each.field for each in failure.fields] == ["bins"]


async def test_what_is_asked_of_an_unknown_warehouse_is_not_found(house) -> None:
    for call in (
        house.warehouses.GetWarehouse(pb.GetWarehouseRequest(warehouse_code="NOWHERE")),
        house.warehouses.ListBins(pb.ListBinsRequest(warehouse_code="NOWHERE")),
        house.warehouses.PutBins(put(house, a_bin(), warehouse_code="NOWHERE")),
    ):
        failure = await house.refused_unchanged(call)
        assert (failure.kind, failure.reason) == (Kind.NOT_FOUND, "WAREHOUSE_NOT_FOUND")


async def test_lists_go_by_priority_and_by_code_in_pages(house) -> None:
    for code, priority in (("W3", 0), ("W1", 1), ("W2", 5)):
        await house.warehouses.CreateWarehouse(make(house, warehouse_code=code, priority=priority))
    codes, token = [], ""
    for _ in range(4):
        page = await house.warehouses.ListWarehouses(pb.ListWarehousesRequest(page_size=1, page_token=token))
        codes += [each.warehouse_code for each in page.warehouses]
        token = page.next_page_token
    assert (codes, token) == (["W3", "JKT1", "W1", "W2"], "")
    page = await house.warehouses.ListBins(pb.ListBinsRequest(warehouse_code="JKT1", page_size=2))
    rest = await house.warehouses.ListBins(
        pb.ListBinsRequest(warehouse_code="JKT1", page_size=2, page_token=page.next_page_token)
    )
    assert [each.bin_code for each in (*page.bins, *rest.bins)] == ["A-01", "A-02", "B-01"]
    assert rest.next_page_token == ""


@pytest.mark.parametrize(
    ("method", "request_message", "field"),
    [
        ("ListWarehouses", pb.ListWarehousesRequest(page_size=-1), "page_size"),
        ("ListWarehouses", pb.ListWarehousesRequest(page_token="x"), "page_token"),
        ("ListBins", pb.ListBinsRequest(warehouse_code="JKT1", page_token="W10"), "page_token"),
        ("ListBins", pb.ListBinsRequest(), "warehouse_code"),
        ("GetWarehouse", pb.GetWarehouseRequest(), "warehouse_code"),
        ("PutBins", pb.PutBinsRequest(warehouse_code="JKT1", bins=[a_bin()]), "request_id"),
        ("CreateWarehouse", pb.CreateWarehouseRequest(warehouse=warehouse()), "request_id"),
    ],
)
async def test_bad_reads_and_missing_request_ids_are_named(
    house, method: str, request_message, field: str
) -> None:
    failure = await house.refused_unchanged(getattr(house.warehouses, method)(request_message))
    assert [each.field for each in failure.fields] == [field]
