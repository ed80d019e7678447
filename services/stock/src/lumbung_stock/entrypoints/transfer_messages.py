"""Requests about transfers, checked, as domain objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lumbung.stock.v1 import inventory_pb2
from lumbung.stock.v1 import transfers_pb2 as pb
from lumbung_kit.validate import Check
from lumbung_stock.domain.transfers import Parcel, Route, TransferFilter, TransferLine
from lumbung_stock.entrypoints import inventory_messages as messages

LINES_MAX = 500


class Travels(Protocol):
    """A request that names two warehouses."""

    @property
    def from_warehouse_code(self) -> str: ...
    @property
    def to_warehouse_code(self) -> str: ...
    @property
    def document(self) -> str: ...


def route_of(check: Check, request: Travels) -> Route:
    """From one warehouse to another."""
    source, target = request.from_warehouse_code, request.to_warehouse_code
    if source and source == target:
        check.add("to_warehouse_code", "must be another warehouse than from_warehouse_code")
    return Route(
        from_warehouse_code=messages.warehouse_code_of(check, source, "from_warehouse_code"),
        to_warehouse_code=messages.warehouse_code_of(check, target, "to_warehouse_code"),
        document=messages.document_of(check, request.document, required=False),
    )


def lines_of(check: Check, lines: Sequence[pb.TransferLine]) -> list[TransferLine]:
    """What is to travel, each SKU once."""
    seen: set[str] = set()
    found = []
    for index, line in enumerate(check.items("lines", lines, maximum=LINES_MAX)):
        field = f"lines[{index}]"
        if line.sku_code in seen:
            check.add(f"{field}.sku_code", f"must occur once; {line.sku_code} came before")
        seen.add(line.sku_code)
        planned = check.quantity(
            f"{field}.planned_quantity", line.planned_quantity, maximum=messages.UNITS_MAX
        )
        found.append(TransferLine(check.code(f"{field}.sku_code", line.sku_code), planned))
    return found


def parcels_of(check: Check, lines: Sequence[inventory_pb2.ReceiptLine]) -> list[Parcel]:
    """What leaves, or arrives."""
    return [
        Parcel(f"lines[{index}]", line.sku_code, line.bin_code, line.quantity, line.lot)
        for index, line in enumerate(messages.receipt_lines_of(check, lines))
    ]


def accept_reason_of(check: Check, value: str) -> str:
    """Why more is accepted than is in transit; empty when it is not."""
    return check.text("accept_reason", value, max_length=messages.REASON_LENGTH_MAX, required=False).strip()


def filter_of(check: Check, request: pb.ListTransfersRequest) -> TransferFilter:
    """Which transfers are asked for."""
    if request.state:
        check.choice("state", request.state, pb.TransferState)

    def code(field: str, value: str) -> str:
        return messages.warehouse_code_of(check, value, field) if value else ""

    return TransferFilter(
        from_warehouse_code=code("from_warehouse_code", request.from_warehouse_code),
        to_warehouse_code=code("to_warehouse_code", request.to_warehouse_code),
        state=request.state,
    )
