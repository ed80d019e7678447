"""Goods that go from one warehouse to another: planned, sent, in transit, received, lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import transfers_pb2 as transfers_pb
from lumbung.stock.v1 import transfers_pb2_grpc
from lumbung_kit.clients import failure_from
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

UNKNOWN = "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"
DRAFT = transfers_pb.TRANSFER_STATE_DRAFT
IN_TRANSIT = transfers_pb.TRANSFER_STATE_IN_TRANSIT
RECEIVED = transfers_pb.TRANSFER_STATE_RECEIVED
CLOSED_SHORT = transfers_pb.TRANSFER_STATE_CLOSED_SHORT
CANCELLED = transfers_pb.TRANSFER_STATE_CANCELLED


@dataclass
class Road:
    """Between JKT1 and SUB1: a client of TransferService, and what tests say to it."""

    house: Any

    @property
    def service(self) -> Any:
        return transfers_pb2_grpc.TransferServiceStub(self.house.shop.channel)

    def plan(self, lines: dict[str, int], **fields: Any) -> Any:
        """A request to plan a transfer."""
        return transfers_pb.CreateTransferRequest(
            **{
                "request_id": self.house.new_id(),
                "from_warehouse_code": "JKT1",
                "to_warehouse_code": "SUB1",
                "lines": [
                    transfers_pb.TransferLine(sku_code=sku, planned_quantity=units)
                    for sku, units in lines.items()
                ],
                **fields,
            }
        )

    async def planned(self, lines: dict[str, int], **fields: Any) -> Any:
        return (await self.service.CreateTransfer(self.plan(lines, **fields))).transfer

    def sending(self, transfer: Any, *lines: tuple[str, str, int]) -> Any:
        return transfers_pb.SendTransferRequest(
            request_id=self.house.new_id(), transfer_id=transfer.transfer_id, lines=lines_of(lines)
        )

    async def send(self, transfer: Any, *lines: tuple[str, str, int]) -> Any:
        return await self.service.SendTransfer(self.sending(transfer, *lines))

    async def sent(self, sku: str, units: int) -> Any:
        """A transfer that is wholly on its way."""
        transfer = await self.planned({sku: units})
        return (await self.send(transfer, (sku, "A-01", units))).transfer

    def arrival(self, transfer: Any, *lines: tuple[str, str, int], **fields: Any) -> Any:
        return pb.ReceiveTransferRequest(
            request_id=self.house.new_id(),
            transfer_id=transfer.transfer_id,
            lines=lines_of(lines),
            **fields,
        )

    async def receive(self, transfer: Any, *lines: tuple[str, str, int], **fields: Any) -> Any:
        return await self.house.inventory.ReceiveTransfer(self.arrival(transfer, *lines, **fields))

    def ending(self, verb: str, transfer: Any) -> Any:
        request = getattr(transfers_pb, f"{verb}TransferRequest")
        return getattr(self.service, f"{verb}Transfer")(
            request(request_id=self.house.new_id(), transfer_id=transfer.transfer_id, reason="truck burnt")
        )

    async def get(self, transfer: Any) -> Any:
        request = transfers_pb.GetTransferRequest(transfer_id=transfer.transfer_id)
        return (await self.service.GetTransfer(request)).transfer

    async def listed(self, **filters: Any) -> list[str]:
        """Documents of all pages."""
        found, token = [], ""
        while True:
            request = transfers_pb.ListTransfersRequest(page_size=1, page_token=token, **filters)
            page = await self.service.ListTransfers(request)
            found += [each.document for each in page.transfers]
            token = page.next_page_token
            if not token:
                return found

    async def on_hand(self, sku: str) -> dict[str, int]:
        rows = await self.house.shop.rows(
            "SELECT warehouse_code, on_hand FROM level WHERE sku_code = %s AND on_hand > 0", sku
        )
        return dict(rows)

    async def content(self) -> Any:
        """Everything that a call could change."""
        tables = [await self.house.content()]
        for table in ("transfer", "transfer_line"):
            tables.append(await self.house.shop.rows(f"SELECT {table}::text FROM {table} ORDER BY 1"))  # noqa: S608
        return tables

    async def refused(self, call: Any) -> Any:
        """The failure of a call that must fail and change nothing."""
        before = await self.content()
        failure = await self.house.refused(call)
        assert await self.content() == before
        return failure


def lines_of(lines: tuple[tuple[str, str, int], ...]) -> list[pb.ReceiptLine]:
    return [pb.ReceiptLine(sku_code=sku, bin_code=place, quantity=units) for sku, place, units in lines]


def figures(transfer: Any) -> dict[str, tuple[int, int, int, int]]:
    return {
        line.sku_code: (
            line.planned_quantity,
            line.sent_quantity,
            line.received_quantity,
            line.in_transit_quantity,
        )
        for line in transfer.lines
    }


@pytest.fixture
async def road(house: Any) -> Road:
    """Two warehouses, the second with one bin, S-01."""
    await house.warehouses.CreateWarehouse(
        pb.CreateWarehouseRequest(
            request_id=house.new_id(),
            warehouse=pb.Warehouse(
                warehouse_code="SUB1",
                name="Surabaya",
                time_zone="Asia/Jakarta",
                priority=9,
                aisle_x_m=[0],
                cross_aisle_y_m=[0, 9],
            ),
        )
    )
    await house.warehouses.PutBins(
        pb.PutBinsRequest(
            request_id=house.new_id(),
            warehouse_code="SUB1",
            bins=[pb.Bin(bin_code="S-01", kind=pb.BIN_KIND_PICK, y_m=1, level=1)],
        )
    )
    return Road(house)


async def test_units_are_on_hand_nowhere_until_they_arrive_in_parts(road, house) -> None:
    await house.stocked("CUP", 10)
    transfer = await road.planned({"CUP": 8}, document="TO-1")
    assert (transfer.state, await road.on_hand("CUP")) == (DRAFT, {"JKT1": 10})
    with acting_as("staff:ani"):
        first = await road.send(transfer, ("CUP", "A-01", 5))
    (entry,) = first.entries
    assert (entry.from_place, entry.to_place, entry.document, entry.kind, entry.actor) == (
        "A-01",
        "TRANSIT",
        transfer.transfer_id,
        pb.MOVEMENT_KIND_TRANSFER,
        "staff:ani",
    )
    await road.send(transfer, ("CUP", "A-01", 3))
    assert await road.on_hand("CUP") == {"JKT1": 2}
    assert (await house.figures("CUP")).available_to_promise == 2
    await house.require_agreement()
    part = await road.receive(transfer, ("CUP", "RECEIVING", 2), ("CUP", "QUARANTINE", 1))
    assert (part.in_transit_quantity, [each.warehouse_code for each in part.entries]) == (5, ["SUB1"] * 2)
    assert figures(await road.get(transfer)) == {"CUP": (8, 8, 3, 5)}
    assert (await house.figures("CUP")).available_to_promise == 4
    await road.receive(transfer, ("CUP", "S-01", 5))
    found = await road.get(transfer)
    assert (found.state, found.sent_quantity, found.in_transit_quantity) == (RECEIVED, 8, 0)
    assert (await road.refused(road.receive(transfer, ("CUP", "S-01", 1)))).reason == "TRANSFER_CLOSED"
    assert await road.on_hand("CUP") == {"JKT1": 2, "SUB1": 7}
    await house.require_agreement()


async def test_it_is_made_and_sent_at_once_and_sold_where_it_arrived(road, house) -> None:
    await house.stocked("CUP", 10)
    request = pb.TransferToWarehouseRequest(
        request_id="at-once",
        from_warehouse_code="JKT1",
        to_warehouse_code="SUB1",
        lines=lines_of((("CUP", "A-01", 4), ("CUP", "A-01", 6))),
    )
    first = await house.inventory.TransferToWarehouse(request)
    assert await house.inventory.TransferToWarehouse(request) == first
    request.lines[0].quantity = 3
    assert (await road.refused(house.inventory.TransferToWarehouse(request))).reason == "REQUEST_ID_REUSED"
    assert figures(await road.get(first)) == {"CUP": (10, 10, 0, 10)}
    assert await house.shop.outcome(house.shop.reservations.Reserve(house.shop.ask({"CUP": 1}))) == (
        "OUT_OF_STOCK"
    )
    arrival = road.arrival(first, ("CUP", "S-01", 10))
    came = await house.inventory.ReceiveTransfer(arrival)
    assert await house.inventory.ReceiveTransfer(arrival) == came
    await house.sell({"CUP": 10})
    await house.require_agreement()


async def test_what_is_in_transit_to_a_warehouse_is_not_ordered_for_it_again(road, house) -> None:
    await house.stocked("CUP", 20)
    low = pb.Replenishment(warehouse_code="SUB1", sku_code="CUP", reorder_point=8, reorder_quantity=5)
    await house.inventory.SetReplenishment(
        pb.SetReplenishmentRequest(request_id=house.new_id(), replenishment=low, reason="new shop")
    )

    async def listed() -> list[tuple[int, int, int]]:
        page = await house.inventory.ListReorders(pb.ListReordersRequest(warehouse_code="SUB1"))
        return [(need.available_quantity, need.on_order_quantity, need.order_quantity) for need in page.needs]

    planned = await road.planned({"CUP": 9})
    assert await listed() == [(0, 0, 10)], "a plan is no promise"
    await road.send(planned, ("CUP", "A-01", 7))
    assert await listed() == [(0, 7, 5)]
    await road.receive(planned, ("CUP", "S-01", 4))
    assert await listed() == [(4, 3, 5)]
    await road.ending("Close", planned)
    assert await listed() == [(4, 0, 5)]
    await road.sent("CUP", 5)
    assert await listed() == []


async def test_promised_units_do_not_travel_and_no_more_than_there_is(road, house) -> None:
    await house.stocked("CUP", 10)
    await house.sell({"CUP": 3})
    await house.shop.hold({"CUP": 2})
    transfer = await road.planned({"CUP": 50})
    failure = await road.refused(road.send(transfer, ("CUP", "A-01", 6)))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "NOT_ENOUGH_AVAILABLE")
    assert (failure.metadata["asked_quantity"], failure.metadata["available_quantity"]) == ("6", "5")
    assert (await road.refused(road.send(transfer, ("CUP", "A-01", 11)))).reason == "NOT_ENOUGH_IN_BIN"
    assert (await road.refused(road.send(transfer, ("CUP", "A-02", 1)))).reason == "NOT_ENOUGH_IN_BIN"
    failure = await road.refused(road.send(transfer, ("CUP", "A-01", 51)))
    assert (failure.reason, [each.field for each in failure.fields]) == (
        "MORE_THAN_PLANNED",
        ["lines[0].quantity"],
    )
    await road.send(transfer, ("CUP", "A-01", 5))
    await house.require_agreement()


async def test_too_many_come_in_with_a_reason_and_too_few_are_given_up_with_one(road, house) -> None:
    await house.stocked("CUP", 10)
    transfer = await road.sent("CUP", 6)
    failure = await road.refused(road.receive(transfer, ("CUP", "S-01", 7)))
    assert (failure.reason, [each.field for each in failure.fields]) == (
        "MORE_THAN_SENT",
        ["lines[0].quantity"],
    )
    more = await road.receive(transfer, ("CUP", "S-01", 7), accept_reason="one more in the box")
    assert [(each.from_place, each.quantity, each.reason) for each in more.entries] == [
        ("TRANSIT", 6, ""),
        ("ADJUSTMENT", 1, "one more in the box"),
    ]
    fewer = await road.sent("CUP", 4)
    await road.receive(fewer, ("CUP", "S-01", 1))
    closed = await road.ending("Close", fewer)
    assert [(each.from_place, each.to_place, each.quantity, each.reason) for each in closed.entries] == [
        ("TRANSIT", "ADJUSTMENT", 3, "truck burnt")
    ]
    assert (closed.transfer.state, closed.transfer.close_reason) == (CLOSED_SHORT, "truck burnt")
    assert await road.on_hand("CUP") == {"SUB1": 8}
    await house.require_agreement()


async def test_what_was_not_sent_is_cancelled_and_what_was_is_still_received(road, house) -> None:
    await house.stocked("CUP", 10)
    draft = await road.planned({"CUP": 5})
    assert (await road.refused(road.receive(draft, ("CUP", "S-01", 1)))).reason == "TRANSFER_NOT_SENT"
    assert (await road.refused(road.ending("Close", draft))).reason == "TRANSFER_NOT_SENT"
    assert (await road.ending("Cancel", draft)).transfer.state == CANCELLED
    assert (await road.refused(road.send(draft, ("CUP", "A-01", 1)))).reason == "TRANSFER_CLOSED"
    begun = await road.planned({"CUP": 5})
    await road.send(begun, ("CUP", "A-01", 2))
    rest = (await road.ending("Cancel", begun)).transfer
    assert (rest.state, rest.lines[0].cancelled_quantity, rest.in_transit_quantity) == (IN_TRANSIT, 3, 2)
    assert (await road.refused(road.ending("Cancel", begun))).reason == "NOTHING_TO_CANCEL"
    assert (await road.refused(road.send(begun, ("CUP", "A-01", 1)))).reason == "MORE_THAN_PLANNED"
    await road.receive(begun, ("CUP", "S-01", 2))
    assert (await road.get(begun)).state == RECEIVED
    await house.require_agreement()


async def test_receivers_and_senders_at_once_move_each_unit_once(road, house) -> None:
    await house.stocked("CUP", 10)
    transfer = await road.planned({"CUP": 8})

    async def told(call: Any) -> str:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason
        return "DONE"

    sent = await asyncio.gather(*(told(road.send(transfer, ("CUP", "A-01", 3))) for _ in range(5)))
    assert Counter(sent) == {"DONE": 2, "MORE_THAN_PLANNED": 3}
    came = await asyncio.gather(*(told(road.receive(transfer, ("CUP", "S-01", 4))) for _ in range(5)))
    assert Counter(came) == {"DONE": 1, "MORE_THAN_SENT": 4}
    ends = await asyncio.gather(
        told(road.ending("Close", transfer)),
        *(told(road.receive(transfer, ("CUP", "S-01", 2))) for _ in "ab"),
    )
    assert ends.count("TRANSFER_CLOSED") + ends.count("MORE_THAN_SENT") >= 1
    assert (await road.get(transfer)).in_transit_quantity == 0
    await house.require_agreement()


async def test_a_transfer_that_does_not_agree_with_the_ledger_is_named(road, house) -> None:
    await house.stocked("CUP", 10)
    await road.sent("CUP", 6)
    await house.shop.sql.execute("UPDATE transfer_line SET sent_quantity = 5")
    for code in ("", "JKT1"):
        report = await house.audit.VerifyLedger(pb.VerifyLedgerRequest(warehouse_code=code))
        assert [
            (each.warehouse_code, each.sku_code, each.place_code, each.stored_quantity, each.ledger_quantity)
            for each in report.differences
        ] == [("JKT1", "CUP", "TRANSIT", 5, 6)]
    elsewhere = await house.audit.VerifyLedger(pb.VerifyLedgerRequest(warehouse_code="SUB1"))
    assert list(elsewhere.differences) == []


async def test_they_are_listed_by_pages_and_filters(road, house) -> None:
    await house.stocked("CUP", 10)
    await road.planned({"CUP": 1}, document="A")
    sent = await road.planned({"CUP": 1}, document="B")
    await road.send(sent, ("CUP", "A-01", 1))
    await road.planned({"CUP": 1}, document="C", from_warehouse_code="SUB1", to_warehouse_code="JKT1")
    assert await road.listed() == ["C", "B", "A"]
    assert await road.listed(from_warehouse_code="JKT1") == ["B", "A"]
    assert await road.listed(to_warehouse_code="JKT1") == ["C"]
    assert await road.listed(state=DRAFT) == ["C", "A"]


LINE = pb.ReceiptLine(sku_code="CUP", bin_code="A-01", quantity=1)
PLANNED = transfers_pb.TransferLine(sku_code="CUP", planned_quantity=1)
ROUTE = {"from_warehouse_code": "JKT1", "to_warehouse_code": "SUB1"}
GOOD: dict[str, Message] = {
    "CreateTransfer": transfers_pb.CreateTransferRequest(request_id="r", lines=[PLANNED], **ROUTE),
    "SendTransfer": transfers_pb.SendTransferRequest(request_id="r", transfer_id=UNKNOWN, lines=[LINE]),
    "CancelTransfer": transfers_pb.CancelTransferRequest(request_id="r", transfer_id=UNKNOWN, reason="why"),
    "CloseTransfer": transfers_pb.CloseTransferRequest(request_id="r", transfer_id=UNKNOWN, reason="why"),
    "GetTransfer": transfers_pb.GetTransferRequest(transfer_id=UNKNOWN),
    "ListTransfers": transfers_pb.ListTransfersRequest(),
    "TransferToWarehouse": pb.TransferToWarehouseRequest(request_id="r", lines=[LINE], **ROUTE),
    "ReceiveTransfer": pb.ReceiveTransferRequest(request_id="r", transfer_id=UNKNOWN, lines=[LINE]),
}
ABOUT_ONE = ("SendTransfer", "CancelTransfer", "CloseTransfer", "GetTransfer", "ReceiveTransfer")
ROUTED = ("CreateTransfer", "TransferToWarehouse")
MOVING = ("SendTransfer", "TransferToWarehouse", "ReceiveTransfer")
BAD_INPUT: list[tuple[str, dict[str, Any], list[str]]] = [
    *(
        (method, {"request_id": value}, ["request_id"])
        for method in GOOD
        if not method.startswith(("Get", "List"))
        for value in ("", "a b")
    ),
    *((method, {"transfer_id": value}, ["transfer_id"]) for method in ABOUT_ONE for value in ("", "12")),
    *((method, {"to_warehouse_code": "JKT1"}, ["to_warehouse_code"]) for method in ROUTED),
    *((method, {"from_warehouse_code": ""}, ["from_warehouse_code"]) for method in ROUTED),
    *((method, {"document": "x" * 65}, ["document"]) for method in ROUTED),
    *(
        (method, {"reason": value}, ["reason"])
        for method in ("CancelTransfer", "CloseTransfer")
        for value in ("", " ", "x" * 201)
    ),
    *((method, {"lines": []}, ["lines"]) for method in (*MOVING, "CreateTransfer")),
    *((method, {"lines": [LINE] * 501}, ["lines"]) for method in MOVING),
    *(
        (
            method,
            {"lines": [pb.ReceiptLine()]},
            ["lines[0].sku_code", "lines[0].bin_code", "lines[0].quantity"],
        )
        for method in MOVING
    ),
    ("CreateTransfer", {"lines": [PLANNED, PLANNED]}, ["lines[1].sku_code"]),
    (
        "CreateTransfer",
        {"lines": [transfers_pb.TransferLine(sku_code="CUP", planned_quantity=1_000_001)]},
        ["lines[0].planned_quantity"],
    ),
    ("ReceiveTransfer", {"accept_reason": "x" * 201}, ["accept_reason"]),
    ("ListTransfers", {"page_size": -1}, ["page_size"]),
    ("ListTransfers", {"page_token": "nonsense"}, ["page_token"]),
    ("ListTransfers", {"state": 99}, ["state"]),
    ("ListTransfers", {"to_warehouse_code": "a b"}, ["to_warehouse_code"]),
]
UNKNOWN_CODES: list[tuple[str, dict[str, Any], str]] = [
    *((method, {}, "TRANSFER_NOT_FOUND") for method in ABOUT_ONE),
    *(
        (method, {field: "NOWHERE"}, "WAREHOUSE_NOT_FOUND")
        for method in (*ROUTED, "ListTransfers")
        for field in ROUTE
    ),
    *(
        ("TransferToWarehouse", {"lines": lines_of((line,))}, reason)
        for line, reason in (
            (("NO-SUCH", "A-01", 1), "SKU_NOT_FOUND"),
            (("SET", "A-01", 1), "SKU_IS_BUNDLE"),
            (("CUP", "Z-99", 1), "BIN_NOT_FOUND"),
            (("CUP", "QUARANTINE", 1), "BIN_NOT_FOUND"),
            (("CUP", "TRANSIT", 1), "BIN_NOT_FOUND"),
        )
    ),
    *(
        ("CreateTransfer", {"lines": [transfers_pb.TransferLine(sku_code=sku, planned_quantity=1)]}, reason)
        for sku, reason in (("NO-SUCH", "SKU_NOT_FOUND"), ("SET", "SKU_IS_BUNDLE"))
    ),
]


def spoiled(method: str, changes: dict[str, Any]) -> Message:
    """A good request with some fields replaced."""
    request = type(GOOD[method])()
    request.CopyFrom(GOOD[method])
    for name, value in changes.items():
        if isinstance(value, list):
            del getattr(request, name)[:]
            getattr(request, name).extend(value)
        else:
            setattr(request, name, value)
    return request


async def test_bad_input_is_refused_with_every_field_named_and_nothing_changed(road, house) -> None:
    await house.stocked("CUP", 5)
    await house.know("SET", {"CUP": 2})
    before = await road.content()

    async def refused(method: str, changes: dict[str, Any]) -> Any:
        client = house.inventory if method in ("TransferToWarehouse", "ReceiveTransfer") else road.service
        return await house.refused(getattr(client, method)(spoiled(method, changes)))

    for method, changes, fields in BAD_INPUT:
        failure = await refused(method, changes)
        about = (method, changes)
        assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT"), about
        assert [each.field for each in failure.fields] == fields, about
    for method, changes, reason in UNKNOWN_CODES:
        assert (await refused(method, changes)).reason == reason, (method, changes)
    assert await road.content() == before
