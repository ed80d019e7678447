"""What is on order, what comes of it, and its way through receiving into the bins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung.stock.v1 import receiving_pb2 as receiving_pb
from lumbung.stock.v1 import receiving_pb2_grpc
from lumbung_kit.clients import failure_from
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind

pytestmark = pytest.mark.store

UNKNOWN = "0198c2f4-5e6f-7a81-9b3c-2d4e5f607182"
OPEN = receiving_pb.EXPECTED_RECEIPT_STATE_OPEN
RECEIVED = receiving_pb.EXPECTED_RECEIPT_STATE_RECEIVED
CLOSED_SHORT = receiving_pb.EXPECTED_RECEIPT_STATE_CLOSED_SHORT
CANCELLED = receiving_pb.EXPECTED_RECEIPT_STATE_CANCELLED


@dataclass
class Dock:
    """Where goods come in: a client of ReceivingService, and what tests say to it."""

    house: Any

    @property
    def service(self) -> Any:
        return receiving_pb2_grpc.ReceivingServiceStub(self.house.shop.channel)

    def order(self, lines: dict[str, int], document: str = "PO-1", **fields: Any) -> Any:
        """A request to expect these units."""
        wanted = receiving_pb.ExpectedReceipt(
            **{"supplier": "Toko Maju", "document": document, "warehouse_code": "JKT1", **fields},
            lines=[
                receiving_pb.ExpectedLine(sku_code=sku, expected_quantity=units)
                for sku, units in lines.items()
            ],
        )
        return receiving_pb.CreateExpectedReceiptRequest(
            request_id=self.house.new_id(), expected_receipt=wanted
        )

    async def expect(self, lines: dict[str, int], document: str = "PO-1", **fields: Any) -> Any:
        """An expected receipt of SKUs that are made known if need be."""
        for sku in lines:
            if not await self.house.shop.rows("SELECT 1 FROM sku WHERE sku_code = %s", sku):
                await self.house.know(sku)
        answer = await self.service.CreateExpectedReceipt(self.order(lines, document, **fields))
        return answer.expected_receipt

    def delivery(self, receipt: Any, *lines: tuple[str, str, int], **fields: Any) -> Any:
        """A request to receive (SKU, place, units)."""
        return receiving_pb.ReceiveDeliveryRequest(
            request_id=self.house.new_id(),
            expected_receipt_id=receipt.expected_receipt_id,
            lines=lines_of(lines),
            **fields,
        )

    async def deliver(self, receipt: Any, *lines: tuple[str, str, int], **fields: Any) -> Any:
        """What came, received."""
        return await self.service.ReceiveDelivery(self.delivery(receipt, *lines, **fields))

    def putaway(self, *lines: tuple[str, str, int]) -> Any:
        return receiving_pb.PutAwayRequest(
            request_id=self.house.new_id(), warehouse_code="JKT1", lines=lines_of(lines)
        )

    def ending(self, request_type: Any, receipt: Any) -> Any:
        return request_type(
            request_id=self.house.new_id(),
            expected_receipt_id=receipt.expected_receipt_id,
            reason="the supplier has no more",
        )

    async def cancel(self, receipt: Any) -> Any:
        return await self.service.CancelExpectedReceipt(
            self.ending(receiving_pb.CancelExpectedReceiptRequest, receipt)
        )

    async def close(self, receipt: Any) -> Any:
        return await self.service.CloseExpectedReceipt(
            self.ending(receiving_pb.CloseExpectedReceiptRequest, receipt)
        )

    async def get(self, receipt: Any) -> Any:
        request = receiving_pb.GetExpectedReceiptRequest(expected_receipt_id=receipt.expected_receipt_id)
        return await self.service.GetExpectedReceipt(request)

    async def listed(self, **filters: Any) -> list[str]:
        """Documents of all pages."""
        found, token = [], ""
        while True:
            request = receiving_pb.ListExpectedReceiptsRequest(page_size=1, page_token=token, **filters)
            page = await self.service.ListExpectedReceipts(request)
            found += [each.document for each in page.expected_receipts]
            token = page.next_page_token
            if not token:
                return found

    async def waiting(self) -> list[tuple[str, int, int]]:
        """(SKU, units, promised ones) of all pages."""
        found, token = [], ""
        while True:
            request = receiving_pb.ListPutawaysRequest(warehouse_code="JKT1", page_size=1, page_token=token)
            page = await self.service.ListPutaways(request)
            found += [(each.sku_code, each.quantity, each.promised_quantity) for each in page.putaways]
            token = page.next_page_token
            if not token:
                return found

    async def content(self) -> Any:
        """Everything that a call could change."""
        tables = [await self.house.content()]
        for table in ("expected_receipt", "expected_receipt_line", "expected_receipt_delivery"):
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


def figures(receipt: Any) -> dict[str, tuple[int, int, int]]:
    return {
        line.sku_code: (line.expected_quantity, line.received_quantity, line.outstanding_quantity)
        for line in receipt.lines
    }


@pytest.fixture
def dock(house: Any) -> Dock:
    return Dock(house)


async def test_a_document_is_delivered_in_parts_until_all_of_it_has_come(dock, house) -> None:
    order = await dock.expect({"CUP": 10, "BOX": 4})
    with acting_as("staff:ani"):
        first = await dock.deliver(order, ("CUP", "A-01", 4), ("CUP", "QUARANTINE", 1), delivery_note="DN-1")
    assert figures(first.expected_receipt) == {"BOX": (4, 0, 4), "CUP": (10, 5, 5)}
    assert (first.expected_receipt.state, first.expected_receipt.outstanding_quantity) == (OPEN, 9)
    assert [(each.from_place, each.to_place, each.document) for each in first.entries] == [
        ("SUPPLIER", "A-01", "PO-1"),
        ("SUPPLIER", "QUARANTINE", "PO-1"),
    ]
    last = await dock.deliver(order, ("CUP", "RECEIVING", 5), ("BOX", "RECEIVING", 4))
    assert (last.expected_receipt.state, last.expected_receipt.outstanding_quantity) == (RECEIVED, 0)
    found = await dock.get(order)
    assert [(each.number, each.quantity, each.delivery_note) for each in found.deliveries] == [
        (2, 9, ""),
        (1, 5, "DN-1"),
    ]
    assert found.deliveries[1].actor == "staff:ani"
    assert await house.places("CUP") == {"A-01": 4, "QUARANTINE": 1, "RECEIVING": 5}
    assert (await house.figures("CUP")).available_to_promise == 9
    await house.require_agreement()


async def test_more_than_expected_comes_in_only_within_the_tolerance_or_with_a_reason(dock, house) -> None:
    order = await dock.expect({"CUP": 10}, over_delivery_percent=10)
    failure = await dock.refused(dock.deliver(order, ("CUP", "A-01", 12)))
    assert (failure.kind, failure.reason) == (Kind.FAILED_PRECONDITION, "OVER_DELIVERY")
    assert [each.field for each in failure.fields] == ["lines[0].quantity"]
    assert (failure.metadata["asked_quantity"], failure.metadata["available_quantity"]) == ("12", "11")
    await dock.deliver(order, ("CUP", "A-01", 11))
    assert (await dock.refused(dock.deliver(order, ("CUP", "A-01", 1)))).reason == "OVER_DELIVERY"
    more = await dock.deliver(order, ("CUP", "A-01", 1), accept_reason="paid for ten")
    assert figures(more.expected_receipt) == {"CUP": (10, 12, 0)}
    assert (await dock.get(order)).deliveries[0].accept_reason == "paid for ten"


async def test_a_sku_that_nobody_expected_comes_in_only_with_a_reason(dock, house) -> None:
    order = await dock.expect({"CUP": 10})
    await house.know("HAT")
    failure = await dock.refused(dock.deliver(order, ("CUP", "A-01", 1), ("HAT", "A-01", 1)))
    assert (failure.reason, [each.field for each in failure.fields]) == (
        "UNEXPECTED_SKU",
        ["lines[1].sku_code"],
    )
    answer = await dock.deliver(order, ("HAT", "RECEIVING", 1), accept_reason="a gift")
    assert figures(answer.expected_receipt) == {"CUP": (10, 0, 10), "HAT": (0, 1, 0)}


async def test_what_came_in_part_is_closed_short_and_what_came_not_is_cancelled(dock) -> None:
    begun = await dock.expect({"CUP": 10})
    await dock.deliver(begun, ("CUP", "A-01", 1))
    untouched = await dock.expect({"CUP": 10}, "PO-2")
    assert (await dock.refused(dock.cancel(begun))).reason == "RECEIPT_BEGUN"
    assert (await dock.refused(dock.close(untouched))).reason == "NOTHING_RECEIVED"
    closed = (await dock.close(begun)).expected_receipt
    assert (closed.state, closed.close_reason) == (CLOSED_SHORT, "the supplier has no more")
    assert figures(closed) == {"CUP": (10, 1, 0)}
    assert (await dock.cancel(untouched)).expected_receipt.state == CANCELLED
    for finished in (begun, untouched):
        for call in (
            dock.cancel(finished),
            dock.close(finished),
            dock.deliver(finished, ("CUP", "A-01", 1), accept_reason="it came all the same"),
        ):
            assert (await dock.refused(call)).reason == "EXPECTED_RECEIPT_CLOSED"
    assert (await dock.expect({"CUP": 1}, "PO-2")).state == OPEN
    taken = dock.service.CreateExpectedReceipt(dock.order({"CUP": 1}, "PO-1"))
    assert (await dock.refused(taken)).reason == "EXPECTED_RECEIPT_EXISTS"


async def test_it_is_changed_by_whoever_has_seen_it_while_nothing_has_come(dock) -> None:
    order = await dock.expect({"CUP": 10, "BOX": 1})
    other = await dock.expect({"CUP": 1}, "PO-2")
    wanted = receiving_pb.UpdateExpectedReceiptRequest(request_id="u-1")
    wanted.expected_receipt.CopyFrom(order)
    wanted.expected_receipt.lines[0].expected_quantity = 3
    wanted.expected_receipt.document = "PO-9"
    first = await dock.service.UpdateExpectedReceipt(wanted)
    assert await dock.service.UpdateExpectedReceipt(wanted) == first
    changed = first.expected_receipt
    assert (changed.document, changed.version, figures(changed)["BOX"]) == ("PO-9", 2, (3, 0, 3))
    wanted.request_id = "u-2"
    failure = await dock.refused(dock.service.UpdateExpectedReceipt(wanted))
    assert (failure.kind, failure.reason, failure.metadata["version"]) == (
        Kind.ABORTED,
        "CONCURRENT_CHANGE",
        "2",
    )
    wanted.expected_receipt.version = 2
    wanted.expected_receipt.document = other.document
    failure = await dock.refused(dock.service.UpdateExpectedReceipt(wanted))
    assert failure.reason == "EXPECTED_RECEIPT_EXISTS"
    await dock.deliver(order, ("CUP", "A-01", 1))
    wanted.expected_receipt.version = 3
    assert (await dock.refused(dock.service.UpdateExpectedReceipt(wanted))).reason == "RECEIPT_BEGUN"


async def test_they_are_listed_by_pages_and_filters(dock) -> None:
    now = datetime.now(UTC)
    late = await dock.expect({"CUP": 1}, "LATE", expected_time=now - timedelta(days=2))
    await dock.expect({"BOX": 1}, "SOON", expected_time=now + timedelta(days=2), supplier="Lain")
    await dock.expect({"CUP": 1}, "SOME-DAY")
    came = await dock.expect({"CUP": 1}, "CAME", expected_time=now - timedelta(days=1))
    await dock.deliver(came, ("CUP", "A-01", 1))
    assert await dock.listed() == ["LATE", "CAME", "SOON", "SOME-DAY"]
    assert await dock.listed(state=OPEN) == ["LATE", "SOON", "SOME-DAY"]
    assert await dock.listed(overdue_only=True) == ["LATE"]
    assert await dock.listed(supplier="Lain") == ["SOON"]
    assert await dock.listed(document="CAME") == ["CAME"]
    assert await dock.listed(sku_code="BOX", warehouse_code="JKT1") == ["SOON"]
    assert (await dock.get(late)).expected_receipt.overdue


async def test_a_delivery_sent_twice_comes_once_and_two_at_once_do_not_exceed_the_order(dock, house) -> None:
    order = await dock.expect({"CUP": 10})
    request = dock.delivery(order, ("CUP", "A-01", 1))
    first = await dock.service.ReceiveDelivery(request)
    assert await dock.service.ReceiveDelivery(request) == first
    request.lines[0].quantity = 2
    assert (await dock.refused(dock.service.ReceiveDelivery(request))).reason == "REQUEST_ID_REUSED"

    async def come() -> str:
        try:
            await dock.deliver(order, ("CUP", "RECEIVING", 3))
        except grpc.aio.AioRpcError as error:
            return failure_from(error).reason
        return "CAME"

    outcomes = await asyncio.gather(*(come() for _ in range(8)))
    assert sorted(outcomes) == ["CAME"] * 3 + ["OVER_DELIVERY"] * 5
    assert figures((await dock.get(order)).expected_receipt) == {"CUP": (10, 10, 0)}
    await house.require_agreement()


async def test_goods_are_put_away_in_parts_and_sold_meanwhile_but_never_picked_from_receiving(
    dock, house
) -> None:
    order = await dock.expect({"CUP": 10, "BOX": 4})
    await dock.deliver(order, ("BOX", "RECEIVING", 4), effective_time=datetime.now(UTC) - timedelta(hours=2))
    await dock.deliver(order, ("CUP", "RECEIVING", 10))
    assert (await house.figures("CUP")).available_to_promise == 10
    sale = await house.sell({"CUP": 3})
    assert await dock.waiting() == [("BOX", 4, 0), ("CUP", 10, 3)]
    failure = await dock.refused(house.pick(sale, "CUP", 1, "RECEIVING"))
    assert failure.reason == "BIN_NOT_FOUND"
    told = len(await house.events("availability_changed"))
    request = dock.putaway(("CUP", "A-01", 4), ("BOX", "A-02", 4))
    first = await dock.service.PutAway(request)
    assert await dock.service.PutAway(request) == first
    assert [(each.from_place, each.to_place, each.kind) for each in first.entries] == [
        ("RECEIVING", "A-01", pb.MOVEMENT_KIND_PUTAWAY),
        ("RECEIVING", "A-02", pb.MOVEMENT_KIND_PUTAWAY),
    ]
    assert len(await house.events("availability_changed")) == told
    assert await dock.waiting() == [("CUP", 6, 0)]
    await house.pick(sale, "CUP", 3)
    failure = await dock.refused(dock.service.PutAway(dock.putaway(("CUP", "A-01", 7))))
    assert (failure.reason, failure.metadata["bin_code"]) == ("NOT_ENOUGH_IN_BIN", "RECEIVING")
    await house.require_agreement()


async def test_what_waits_is_as_old_as_its_oldest_unit_when_the_first_have_left_first(dock, house) -> None:
    order = await dock.expect({"CUP": 10})
    now = datetime.now(UTC).replace(microsecond=0)
    for hours in (9, 5, 1):
        came = now - timedelta(hours=hours)
        await dock.deliver(order, ("CUP", "RECEIVING", 2), effective_time=came)

    async def since() -> datetime:
        request = receiving_pb.ListPutawaysRequest(warehouse_code="JKT1")
        (waiting,) = (await dock.service.ListPutaways(request)).putaways
        return waiting.since_time.ToDatetime(tzinfo=UTC)

    assert await since() == now - timedelta(hours=9)
    for units, hours in ((1, 9), (1, 5), (3, 1)):
        await dock.service.PutAway(dock.putaway(("CUP", "A-01", units)))
        assert await since() == now - timedelta(hours=hours)


async def test_goods_without_a_document_may_wait_for_their_putaway_too(dock, house) -> None:
    await house.know("CUP")
    await house.receive("CUP", 5, "RECEIVING")
    assert await dock.waiting() == [("CUP", 5, 0)]
    await house.require_agreement()


GOOD: dict[str, Message] = {
    "CreateExpectedReceipt": receiving_pb.CreateExpectedReceiptRequest(
        request_id="r",
        expected_receipt=receiving_pb.ExpectedReceipt(
            supplier="S",
            document="D",
            warehouse_code="JKT1",
            lines=[receiving_pb.ExpectedLine(sku_code="CUP", expected_quantity=1)],
        ),
    ),
    "UpdateExpectedReceipt": receiving_pb.UpdateExpectedReceiptRequest(
        request_id="r",
        expected_receipt=receiving_pb.ExpectedReceipt(
            expected_receipt_id=UNKNOWN,
            version=1,
            supplier="S",
            document="D",
            warehouse_code="JKT1",
            lines=[receiving_pb.ExpectedLine(sku_code="CUP", expected_quantity=1)],
        ),
    ),
    "CancelExpectedReceipt": receiving_pb.CancelExpectedReceiptRequest(
        request_id="r", expected_receipt_id=UNKNOWN, reason="why"
    ),
    "CloseExpectedReceipt": receiving_pb.CloseExpectedReceiptRequest(
        request_id="r", expected_receipt_id=UNKNOWN, reason="why"
    ),
    "GetExpectedReceipt": receiving_pb.GetExpectedReceiptRequest(expected_receipt_id=UNKNOWN),
    "ListExpectedReceipts": receiving_pb.ListExpectedReceiptsRequest(),
    "ReceiveDelivery": receiving_pb.ReceiveDeliveryRequest(
        request_id="r", expected_receipt_id=UNKNOWN, lines=lines_of((("CUP", "A-01", 1),))
    ),
    "PutAway": receiving_pb.PutAwayRequest(
        request_id="r", warehouse_code="JKT1", lines=lines_of((("CUP", "A-01", 1),))
    ),
    "ListPutaways": receiving_pb.ListPutawaysRequest(warehouse_code="JKT1"),
}
MUTATIONS = [method for method in GOOD if not method.startswith(("Get", "List"))]
ABOUT_ONE = [method for method in GOOD if "expected_receipt_id" in GOOD[method].DESCRIPTOR.fields_by_name]
SAID = ("CreateExpectedReceipt", "UpdateExpectedReceipt")
E = "expected_receipt"
LINE = receiving_pb.ExpectedLine(sku_code="CUP", expected_quantity=1)
ZERO = receiving_pb.ExpectedLine(sku_code="CAP")

BAD_INPUT: list[tuple[str, dict[str, Any], list[str]]] = [
    *((method, {"request_id": value}, ["request_id"]) for method in MUTATIONS for value in ("", "a b")),
    *(
        (method, {"expected_receipt_id": value}, ["expected_receipt_id"])
        for method in ABOUT_ONE
        for value in ("", "12")
    ),
    *(
        (method, {f"{E}.{field}": value}, [f"{E}.{field}"])
        for method in SAID
        for field, value in (
            ("supplier", ""),
            ("supplier", "x" * 121),
            ("document", " "),
            ("document", "x" * 65),
            ("warehouse_code", ""),
            ("over_delivery_percent", -1),
            ("over_delivery_percent", 101),
            ("lines", []),
        )
    ),
    *((method, {f"{E}.lines": [LINE, LINE]}, [f"{E}.lines[1].sku_code"]) for method in SAID),
    *((method, {f"{E}.lines": [ZERO]}, [f"{E}.lines[0].expected_quantity"]) for method in SAID),
    *((method, {f"{E}.expected_time.seconds": 10**12}, [f"{E}.expected_time"]) for method in SAID),
    ("UpdateExpectedReceipt", {f"{E}.expected_receipt_id": "x"}, [f"{E}.expected_receipt_id"]),
    ("UpdateExpectedReceipt", {f"{E}.version": 0}, [f"{E}.version"]),
    *((method, {"reason": value}, ["reason"]) for method in MUTATIONS[2:4] for value in ("", "x" * 201)),
    *((method, {"lines": []}, ["lines"]) for method in ("ReceiveDelivery", "PutAway")),
    *(
        (
            method,
            {"lines": [pb.ReceiptLine()]},
            [f"lines[0].{f}" for f in ("sku_code", "bin_code", "quantity")],
        )
        for method in ("ReceiveDelivery", "PutAway")
    ),
    *(
        (method, {"lines": [pb.ReceiptLine(sku_code="CUP", bin_code="A-01", quantity=1)] * 501}, ["lines"])
        for method in ("ReceiveDelivery", "PutAway")
    ),
    ("ReceiveDelivery", {"delivery_note": "x" * 65}, ["delivery_note"]),
    ("ReceiveDelivery", {"accept_reason": "x" * 201}, ["accept_reason"]),
    ("ReceiveDelivery", {"effective_time.seconds": 10**12}, ["effective_time"]),
    ("PutAway", {"warehouse_code": ""}, ["warehouse_code"]),
    ("ListPutaways", {"warehouse_code": ""}, ["warehouse_code"]),
    ("ListPutaways", {"page_size": -1}, ["page_size"]),
    ("ListPutaways", {"page_token": "nonsense"}, ["page_token"]),
    ("ListExpectedReceipts", {"page_size": -1}, ["page_size"]),
    ("ListExpectedReceipts", {"page_token": "nonsense"}, ["page_token"]),
    ("ListExpectedReceipts", {"state": 99}, ["state"]),
    ("ListExpectedReceipts", {"sku_code": "a b"}, ["sku_code"]),
]
UNKNOWN_CODES: list[tuple[str, dict[str, Any], str]] = [
    *((method, {}, "EXPECTED_RECEIPT_NOT_FOUND") for method in GOOD if method in {*ABOUT_ONE, SAID[1]}),
    *((method, {f"{E}.warehouse_code": "NOWHERE"}, "WAREHOUSE_NOT_FOUND") for method in SAID),
    *(
        (method, {"warehouse_code": "NOWHERE"}, "WAREHOUSE_NOT_FOUND")
        for method in ("PutAway", "ListPutaways", "ListExpectedReceipts")
    ),
    *(
        (method, {f"{E}.lines": [receiving_pb.ExpectedLine(sku_code=sku, expected_quantity=1)]}, reason)
        for method in SAID
        for sku, reason in (("NO-SUCH", "SKU_NOT_FOUND"), ("SET", "SKU_IS_BUNDLE"))
    ),
    *(
        ("PutAway", {"lines": lines_of((line,))}, reason)
        for line, reason in (
            (("NO-SUCH", "A-01", 1), "SKU_NOT_FOUND"),
            (("SET", "A-01", 1), "SKU_IS_BUNDLE"),
            (("CUP", "Z-99", 1), "BIN_NOT_FOUND"),
            (("CUP", "RECEIVING", 1), "BIN_NOT_FOUND"),
        )
    ),
]


def spoiled(method: str, changes: dict[str, Any]) -> Message:
    """A good request with some fields replaced, by path."""
    request = type(GOOD[method])()
    request.CopyFrom(GOOD[method])
    for path, value in changes.items():
        *parents, name = path.split(".")
        target: Any = request
        for parent in parents:
            target = getattr(target, parent)
        if isinstance(value, list):
            del getattr(target, name)[:]
            getattr(target, name).extend(value)
        else:
            setattr(target, name, value)
    return request


async def test_bad_input_is_refused_with_every_field_named_and_nothing_changed(dock, house) -> None:
    await house.know("CUP")
    before = await dock.content()
    for method, changes, fields in BAD_INPUT:
        failure = await house.refused(getattr(dock.service, method)(spoiled(method, changes)))
        assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT"), (method, changes)
        assert [each.field for each in failure.fields] == fields, (method, changes)
    assert await dock.content() == before
    service = receiving_pb.DESCRIPTOR.services_by_name["ReceivingService"]
    assert {method.name for method in service.methods} == {method for method, _, _ in BAD_INPUT}


async def test_unknown_codes_are_refused_with_their_reason_and_nothing_changed(dock, house) -> None:
    await house.know("CUP")
    await house.know("SET", {"CUP": 2})
    before = await dock.content()
    for method, changes, reason in UNKNOWN_CODES:
        failure = await house.refused(getattr(dock.service, method)(spoiled(method, changes)))
        assert failure.reason == reason, (method, changes)
    assert await dock.content() == before


async def test_a_delivery_with_one_bad_line_books_nothing(dock, house) -> None:
    order = await dock.expect({"CUP": 10})
    good = ("CUP", "A-01", 1)
    for bad, reason in (
        (("CUP", "PACKING", 1), "BIN_NOT_FOUND"),
        (("CUP", "Z-99", 1), "BIN_NOT_FOUND"),
        (("NO-SUCH", "A-01", 1), "SKU_NOT_FOUND"),
    ):
        assert (await dock.refused(dock.deliver(order, good, bad))).reason == reason
    future = datetime.now(UTC) + timedelta(hours=1)
    failure = await dock.refused(dock.deliver(order, good, effective_time=future))
    assert [each.field for each in failure.fields] == ["effective_time"]
