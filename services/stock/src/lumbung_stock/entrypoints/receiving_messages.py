"""Requests about expected and received goods, checked, as domain objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from lumbung.stock.v1 import receiving_pb2 as pb
from lumbung_kit.validate import Check
from lumbung_stock.domain.expected_receipts import Expectation, ExpectedLine, ExpectedReceiptFilter
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.reservation_messages import moment, optional_code
from lumbung_stock.usecases.receive_delivery import DeliveryNote

LINES_MAX = 500
SUPPLIER_LENGTH_MAX = 120
NOT_SAID = "infinity"
"""Expected times as page tokens have them: this one is behind all others."""
BEFORE_ALL = "-infinity"


def expectation_of(check: Check, message: pb.ExpectedReceipt) -> Expectation:
    """What is to come, each SKU once."""
    field = "expected_receipt"
    expected_time = None
    if message.HasField("expected_time"):
        expected_time = moment(check, f"{field}.expected_time", message.expected_time)
    return Expectation(
        supplier=check.text(f"{field}.supplier", message.supplier, max_length=SUPPLIER_LENGTH_MAX),
        document=check.text(f"{field}.document", message.document, max_length=messages.DOCUMENT_LENGTH_MAX),
        warehouse_code=messages.warehouse_code_of(check, message.warehouse_code, f"{field}.warehouse_code"),
        expected_time=expected_time,
        over_delivery_percent=check.whole(
            f"{field}.over_delivery_percent", message.over_delivery_percent, minimum=0, maximum=100
        ),
        lines=_lines(check, f"{field}.lines", message.lines),
    )


def delivery_note_of(check: Check, request: pb.ReceiveDeliveryRequest) -> DeliveryNote:
    """What is written down of a delivery besides its goods."""
    given = request.HasField("effective_time")
    return DeliveryNote(
        delivery_note=check.text(
            "delivery_note",
            request.delivery_note,
            max_length=messages.DOCUMENT_LENGTH_MAX,
            required=False,
        ),
        accept_reason=check.text(
            "accept_reason",
            request.accept_reason,
            max_length=messages.REASON_LENGTH_MAX,
            required=False,
        ).strip(),
        effective_time=moment(check, "effective_time", request.effective_time) if given else None,
    )


def filter_of(check: Check, request: pb.ListExpectedReceiptsRequest) -> ExpectedReceiptFilter:
    """Which expected receipts are asked for."""
    if request.state:
        check.choice("state", request.state, pb.ExpectedReceiptState)
    return ExpectedReceiptFilter(
        warehouse_code=messages.optional_warehouse_code_of(check, request.warehouse_code),
        state=request.state,
        overdue_only=request.overdue_only,
        supplier=check.text("supplier", request.supplier, max_length=SUPPLIER_LENGTH_MAX, required=False),
        document=messages.document_of(check, request.document, required=False),
        sku_code=optional_code(check, "sku_code", request.sku_code),
    )


def place_in_list(check: Check, time: str, receipt_id: str) -> tuple[datetime | str, UUID]:
    """Where a page of expected receipts begins, out of its token."""
    unending = time in (BEFORE_ALL, NOT_SAID)
    return (time if unending else moment_in_token(check, time)), uuid_in_token(check, receipt_id)


def moment_in_token(check: Check, text: str) -> datetime:
    """A time out of a page token."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        check.add("page_token", "holds no time; begin without one")
        return datetime.now(UTC)


def uuid_in_token(check: Check, text: str) -> UUID:
    """An id out of a page token."""
    try:
        return UUID(text)
    except ValueError:
        check.add("page_token", "holds no id; begin without one")
        return UUID(int=0)


def _lines(check: Check, field: str, lines: Sequence[pb.ExpectedLine]) -> tuple[ExpectedLine, ...]:
    seen: set[str] = set()
    found = []
    for index, line in enumerate(check.items(field, lines, maximum=LINES_MAX)):
        if line.sku_code in seen:
            check.add(f"{field}[{index}].sku_code", f"must occur once; {line.sku_code} came before")
        seen.add(line.sku_code)
        sku_code = check.code(f"{field}[{index}].sku_code", line.sku_code)
        quantity = check.quantity(
            f"{field}[{index}].expected_quantity", line.expected_quantity, maximum=messages.UNITS_MAX
        )
        found.append(ExpectedLine(sku_code, quantity))
    return tuple(found)
