"""Inventory requests, checked, as domain objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Protocol, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from lumbung.stock.v1 import inventory_pb2 as pb
from lumbung_kit import context
from lumbung_kit.validate import Check
from lumbung_stock.domain.ledger import Author, Goods, LotName
from lumbung_stock.domain.ledger_chain import Seal
from lumbung_stock.domain.places import Bin, BinKind, Warehouse, is_reserved
from lumbung_stock.domain.reason_codes import FORM
from lumbung_stock.domain.replenishment import Replenishment
from lumbung_stock.entrypoints.geo_messages import point_of
from lumbung_stock.entrypoints.page_tokens import INT_MAX
from lumbung_stock.entrypoints.reservation_messages import moment
from lumbung_stock.usecases.adjust_stock import Correction
from lumbung_stock.usecases.move_between_bins import BinMove
from lumbung_stock.usecases.receive_stock import ReceiptLine

WAREHOUSE_CODE_LENGTH_MAX = 32
BIN_CODE_LENGTH_MAX = 32
DOCUMENT_LENGTH_MAX = 64
REASON_LENGTH_MAX = 200
AISLES_MAX = 100
CROSS_AISLES_MIN, CROSS_AISLES_MAX = 2, 10
METRES_MAX = 10_000.0
BINS_MAX = 2_000
CAPACITY_UNITS_MAX = 1_000_000
RECEIPT_LINES_MAX = 500
UNITS_MAX = 1_000_000
FILTER_MAX = 500
SEALS_MAX = 100
LOT_CODE_LENGTH_MAX = 64
YEAR_MIN, YEAR_MAX = 2000, 2999
HASH_BYTES = 32

_WITHOUT_BIN = (pb.RETURN_CONDITION_QUARANTINE, pb.RETURN_CONDITION_SCRAP)


Happened: TypeAlias = (
    pb.ReceiveStockRequest
    | pb.MoveBetweenBinsRequest
    | pb.AdjustStockRequest
    | pb.ScrapStockRequest
    | pb.RecordReturnRequest
)
"""Requests that may say when something happened."""


class InOneBin(Protocol):
    """A request that names units of one SKU in one bin."""

    @property
    def warehouse_code(self) -> str: ...
    @property
    def sku_code(self) -> str: ...
    @property
    def bin_code(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def lot_code(self) -> str: ...


def author_of(check: Check, request_id: str) -> Author:
    """Who asks, and by which request."""
    return Author(actor=context.actor(), request_id=check.request_id(request_id))


def warehouse_code_of(check: Check, value: str, field: str = "warehouse_code") -> str:
    """A warehouse's code."""
    return check.code(field, value, max_length=WAREHOUSE_CODE_LENGTH_MAX)


def optional_warehouse_code_of(check: Check, value: str) -> str:
    """A warehouse's code, or nothing for all of them."""
    return warehouse_code_of(check, value) if value else ""


def seals_of(check: Check, given: Sequence[pb.LedgerSeal]) -> list[Seal]:
    """Heads of chains that somebody has kept."""
    found = []
    for index, seal in enumerate(check.items("seals", given, maximum=SEALS_MAX, minimum=0)):
        field = f"seals[{index}]"
        code = check.code(
            f"{field}.warehouse_code", seal.warehouse_code, max_length=WAREHOUSE_CODE_LENGTH_MAX
        )
        sequence = check.whole(f"{field}.sequence", seal.sequence, minimum=1, maximum=INT_MAX)
        if len(seal.hash) != HASH_BYTES:
            check.add(f"{field}.hash", f"must be {HASH_BYTES} bytes, as it was given")
        found.append(Seal(code, sequence, seal.hash))
    return found


def bin_code_of(check: Check, field: str, value: str) -> str:
    """A bin's code."""
    return check.code(field, value, max_length=BIN_CODE_LENGTH_MAX)


def goods_of(check: Check, request: InOneBin) -> Goods:
    """Units of one SKU in one bin."""
    return Goods(
        warehouse_code=warehouse_code_of(check, request.warehouse_code),
        sku_code=check.code("sku_code", request.sku_code),
        bin_code=bin_code_of(check, "bin_code", request.bin_code),
        quantity=check.quantity("quantity", request.quantity, maximum=UNITS_MAX),
        lot=lot_of(check, request.lot_code),
    )


def missing_goods_of(check: Check, request: pb.RecordShortPickRequest) -> Goods:
    """Units that the book has in a bin and the picker has not."""
    return Goods(
        warehouse_code=warehouse_code_of(check, request.warehouse_code),
        sku_code=check.code("sku_code", request.sku_code),
        bin_code=bin_code_of(check, "bin_code", request.bin_code),
        quantity=check.quantity("missing_quantity", request.missing_quantity, maximum=UNITS_MAX),
        lot=lot_of(check, request.lot_code),
    )


def returned_goods_of(check: Check, request: pb.RecordReturnRequest) -> Goods:
    """Units that come back. Only those to be sold again have a bin."""
    check.choice("condition", request.condition, pb.ReturnCondition)
    bin_code = ""
    if request.condition == pb.RETURN_CONDITION_RESTOCK:
        bin_code = bin_code_of(check, "bin_code", request.bin_code)
    elif request.condition in _WITHOUT_BIN and request.bin_code:
        check.add("bin_code", "must be empty unless the goods are restocked")
    return Goods(
        warehouse_code=warehouse_code_of(check, request.warehouse_code),
        sku_code=check.code("sku_code", request.sku_code),
        bin_code=bin_code,
        quantity=check.quantity("quantity", request.quantity, maximum=UNITS_MAX),
        lot=lot_of(check, request.lot_code, request.expires_on),
    )


def lot_of(check: Check, lot_code: str, expires_on: str = "", *, line: str = "") -> LotName:
    """A lot by the code that is printed on the goods, or none; with its last day when that is said."""
    code = check.text(f"{line}lot_code", lot_code, max_length=LOT_CODE_LENGTH_MAX, required=False)
    if code != code.strip() or not code.isprintable():
        check.add(f"{line}lot_code", "must be printable, without spaces at its ends")
    if expires_on and not code:
        check.add(f"{line}expires_on", "must be empty where no lot is named")
    return LotName(code, day_of(check, f"{line}expires_on", expires_on), line)


def day_of(check: Check, field: str, value: str) -> date | None:
    """A day such as 2027-03-31; none when it is empty."""
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    if not (YEAR_MIN <= day.year <= YEAR_MAX and day.isoformat() == value):
        check.add(field, f"must be a day such as 2027-03-31, of the years {YEAR_MIN} to {YEAR_MAX}")
        return None
    return day


def receipt_lines_of(check: Check, lines: Sequence[pb.ReceiptLine]) -> list[ReceiptLine]:
    """Lines of a receipt."""
    return [
        ReceiptLine(
            sku_code=check.code(f"lines[{index}].sku_code", line.sku_code),
            bin_code=bin_code_of(check, f"lines[{index}].bin_code", line.bin_code),
            quantity=check.quantity(f"lines[{index}].quantity", line.quantity, maximum=UNITS_MAX),
            lot=lot_of(check, line.lot_code, line.expires_on, line=f"lines[{index}]."),
        )
        for index, line in enumerate(check.items("lines", lines, maximum=RECEIPT_LINES_MAX))
    ]


def correction_of(check: Check, request: pb.AdjustStockRequest) -> Correction:
    """How many more, or fewer, there are in a bin than the book says."""
    if request.difference == 0:
        check.add("difference", "must not be 0")
    return Correction(
        warehouse_code=warehouse_code_of(check, request.warehouse_code),
        sku_code=check.code("sku_code", request.sku_code),
        bin_code=bin_code_of(check, "bin_code", request.bin_code),
        difference=check.whole("difference", request.difference, minimum=-UNITS_MAX, maximum=UNITS_MAX),
        lot=lot_of(check, request.lot_code, request.expires_on),
    )


def bin_move_of(check: Check, request: pb.MoveBetweenBinsRequest) -> BinMove:
    """Units that go from one bin to another."""
    if request.from_bin_code and request.from_bin_code == request.to_bin_code:
        check.add("to_bin_code", "must be another bin than from_bin_code")
    return BinMove(
        warehouse_code=warehouse_code_of(check, request.warehouse_code),
        sku_code=check.code("sku_code", request.sku_code),
        quantity=check.quantity("quantity", request.quantity, maximum=UNITS_MAX),
        from_bin_code=bin_code_of(check, "from_bin_code", request.from_bin_code),
        to_bin_code=bin_code_of(check, "to_bin_code", request.to_bin_code),
        lot=lot_of(check, request.lot_code),
    )


def reason_code_of(check: Check, value: str) -> str:
    """One of the shop's reasons, or nothing."""
    return check.text(
        "reason_code",
        value,
        max_length=32,
        required=False,
        pattern=FORM,
        hint="must be 1-32 of A-Z 0-9 _, beginning with a letter",
    )


def override_of(check: Check, value: str) -> str:
    """Why something is changed by hand though it is being counted."""
    return check.text("stocktake_override_reason", value, max_length=REASON_LENGTH_MAX, required=False)


def filter_of(check: Check, field: str, codes: Sequence[str]) -> list[str]:
    """Codes that a list is restricted to; none restrict nothing. In their order, each once."""
    some = check.items(field, codes, minimum=0, maximum=FILTER_MAX)
    return list(dict.fromkeys(check.code(f"{field}[{index}]", code) for index, code in enumerate(some)))


def reason_of(check: Check, value: str, *, required: bool) -> str:
    """Why, for people."""
    return check.text("reason", value, max_length=REASON_LENGTH_MAX, required=required)


def effective_time_of(check: Check, request: Happened) -> datetime | None:
    """When it happened; None when that is not said, which means now."""
    given = request.HasField("effective_time")
    return moment(check, "effective_time", request.effective_time) if given else None


def document_of(check: Check, value: str, *, required: bool) -> str:
    """Which document."""
    return check.text("document", value, max_length=DOCUMENT_LENGTH_MAX, required=required)


def optional_uuid_of(check: Check, field: str, value: str) -> UUID | None:
    """A UUID, or nothing."""
    return check.uuid(field, value) if value else None


def replenishment_of(check: Check, message: pb.Replenishment, field: str = "replenishment") -> Replenishment:
    """What is kept back of a SKU, and when to reorder it."""

    def figure(name: str, value: int) -> int:
        return check.whole(f"{field}.{name}", value, minimum=0, maximum=UNITS_MAX)

    return Replenishment(
        warehouse_code=warehouse_code_of(check, message.warehouse_code, f"{field}.warehouse_code"),
        sku_code=check.code(f"{field}.sku_code", message.sku_code),
        safety_stock=figure("safety_stock", message.safety_stock),
        reorder_point=figure("reorder_point", message.reorder_point),
        reorder_quantity=figure("reorder_quantity", message.reorder_quantity),
    )


def warehouse_of(check: Check, message: pb.Warehouse) -> Warehouse:
    """A warehouse with its layout."""
    aisles = check.items("warehouse.aisle_x_m", message.aisle_x_m, maximum=AISLES_MAX)
    cross_aisles = check.items(
        "warehouse.cross_aisle_y_m",
        message.cross_aisle_y_m,
        minimum=CROSS_AISLES_MIN,
        maximum=CROSS_AISLES_MAX,
    )
    return Warehouse(
        warehouse_code=warehouse_code_of(check, message.warehouse_code, "warehouse.warehouse_code"),
        name=check.text("warehouse.name", message.name, max_length=120),
        time_zone=_time_zone(check, "warehouse.time_zone", message.time_zone),
        priority=check.whole("warehouse.priority", message.priority, minimum=0, maximum=UNITS_MAX),
        aisle_x_m=_ascending(check, "warehouse.aisle_x_m", aisles),
        cross_aisle_y_m=_ascending(check, "warehouse.cross_aisle_y_m", cross_aisles),
        depot_x_m=_metres(check, "warehouse.depot_x_m", message.depot_x_m),
        location=point_of(check, "warehouse.location", message.location)
        if message.HasField("location")
        else None,
    )


def bins_of(check: Check, messages: Sequence[pb.Bin]) -> list[Bin]:
    """Bins, each once. Whether they lie within the warehouse is for the warehouse to say."""
    bins: list[Bin] = []
    seen: set[str] = set()
    for index, message in enumerate(check.items("bins", messages, maximum=BINS_MAX)):
        if message.bin_code in seen:
            check.add(f"bins[{index}].bin_code", f"must occur once; {message.bin_code} came before")
        seen.add(message.bin_code)
        bins.append(_bin(check, f"bins[{index}]", message))
    return bins


def _bin(check: Check, field: str, message: pb.Bin) -> Bin:
    bin_code = bin_code_of(check, f"{field}.bin_code", message.bin_code)
    if is_reserved(bin_code):
        check.add(f"{field}.bin_code", f"{bin_code} is the name of a place that every warehouse has")
    kind = check.choice(f"{field}.kind", message.kind, pb.BinKind)
    return Bin(
        bin_code=bin_code,
        kind=BinKind(kind) if kind in set(BinKind) else BinKind.PICK,
        zone=check.text(f"{field}.zone", message.zone, max_length=32, required=False),
        aisle_index=check.whole(
            f"{field}.aisle_index", message.aisle_index, minimum=0, maximum=AISLES_MAX - 1
        ),
        y_m=_metres(check, f"{field}.y_m", message.y_m),
        bay=check.whole(f"{field}.bay", message.bay, minimum=0, maximum=10_000),
        level=check.whole(f"{field}.level", message.level, minimum=1, maximum=100),
        capacity_units=check.whole(
            f"{field}.capacity_units", message.capacity_units, minimum=0, maximum=CAPACITY_UNITS_MAX
        ),
    )


def _ascending(check: Check, field: str, metres: Iterable[float]) -> tuple[float, ...]:
    values = tuple(_metres(check, f"{field}[{index}]", value) for index, value in enumerate(metres))
    if any(behind <= before for before, behind in pairwise(values)):
        check.add(field, "must ascend")
    return values


def _metres(check: Check, field: str, value: float) -> float:
    if not (math.isfinite(value) and abs(value) <= METRES_MAX):
        check.add(field, f"must be between {-METRES_MAX:g} and {METRES_MAX:g} metres")
        return 0.0
    return value


def _time_zone(check: Check, field: str, value: str) -> str:
    check.text(field, value, max_length=64)
    try:
        ZoneInfo(value or "UTC")
    except (ValueError, OSError, KeyError):
        check.add(field, "must be an IANA name such as Asia/Jakarta")
    return value
