"""What a supplier is to bring, and what may come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from lumbung_kit.failures import ConcurrentChange, FieldViolation
from lumbung_stock.domain.receiving_failures import (
    ExpectedReceiptClosed,
    NothingReceived,
    OverDelivery,
    ReceiptBegun,
    UnexpectedSku,
)


class ExpectedReceiptState(IntEnum):
    """Where an expected receipt stands; numbers as in the contract and the table."""

    OPEN = 1
    RECEIVED = 2
    CLOSED_SHORT = 3
    CANCELLED = 4


TAKES_DELIVERIES = frozenset({ExpectedReceiptState.OPEN, ExpectedReceiptState.RECEIVED})
"""One that has all come may still get more, by the same rules."""


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """Base units of one SKU. `expected` is 0 for one that came without being expected."""

    sku_code: str
    expected: int
    received: int = 0

    @property
    def missing(self) -> int:
        """What has not come of what was expected."""
        return max(0, self.expected - self.received)

    def bound(self, over_delivery_percent: int) -> int:
        """How many may come in all without being asked about; parts of a unit do not count."""
        return self.expected + self.expected * over_delivery_percent // 100


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a person says is to come. `expected_time` None: not said."""

    supplier: str
    document: str
    warehouse_code: str
    expected_time: datetime | None
    over_delivery_percent: int
    lines: tuple[ExpectedLine, ...]


@dataclass(frozen=True, slots=True)
class ExpectedReceipt:
    """An expectation as stored. `lines` by SKU; empty where many are listed, which have the sums alone."""

    expected_receipt_id: UUID
    expectation: Expectation
    state: ExpectedReceiptState
    version: int
    overdue: bool
    close_reason: str
    expected: int
    received: int
    missing: int
    actor: str
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """Goods that came against an expected receipt, `number` counting from 1."""

    number: int
    delivery_note: str
    quantity: int
    accept_reason: str
    actor: str
    request_id: str
    record_time: datetime
    effective_time: datetime


@dataclass(frozen=True, slots=True)
class ExpectedReceiptFilter:
    """Which ones a list is restricted to; empty, 0 and False restrict nothing."""

    warehouse_code: str = ""
    state: int = 0
    overdue_only: bool = False
    supplier: str = ""
    document: str = ""
    sku_code: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Units of one line of a delivery; `field` is the line's place in the request, such as `lines[0]`."""

    field: str
    sku_code: str
    quantity: int


def require_unbegun(receipt: ExpectedReceipt) -> None:
    """What has begun to come is neither changed nor cancelled. Raises ExpectedReceiptClosed, ReceiptBegun."""
    if receipt.state not in TAKES_DELIVERIES:
        raise _closed(receipt)
    if receipt.received:
        raise ReceiptBegun(metadata={"received_quantity": str(receipt.received)})


def require_version(receipt: ExpectedReceipt, version: int) -> None:
    """Nobody else has changed it meanwhile. Raises ConcurrentChange."""
    if version != receipt.version:
        raise ConcurrentChange(metadata={"version": str(receipt.version)})


def require_closable(receipt: ExpectedReceipt) -> None:
    """Only what came in part is closed short. Raises ExpectedReceiptClosed, NothingReceived."""
    if receipt.state is not ExpectedReceiptState.OPEN:
        raise _closed(receipt)
    if not receipt.received:
        raise NothingReceived


def accept(
    receipt: ExpectedReceipt, arrived: Sequence[Arrived], accept_reason: str
) -> tuple[ExpectedLine, ...]:
    """The lines after a delivery, those that it brought unexpected at the end.

    Raises ExpectedReceiptClosed and, without a reason to accept them, UnexpectedSku and OverDelivery.
    """
    if receipt.state not in TAKES_DELIVERIES:
        raise _closed(receipt)
    before = {line.sku_code: line for line in receipt.expectation.lines}
    units: dict[str, int] = {}
    for one in arrived:
        units[one.sku_code] = units.get(one.sku_code, 0) + one.quantity
    after = {
        sku: ExpectedLine(sku, before[sku].expected, before[sku].received + more)
        if sku in before
        else ExpectedLine(sku, 0, more)
        for sku, more in units.items()
    }
    if not accept_reason:
        _require_expected(before, arrived)
        _require_within(receipt, after, arrived)
    return tuple({**before, **after}.values())


def state_of(lines: Sequence[ExpectedLine]) -> ExpectedReceiptState:
    """Open as long as anything is outstanding."""
    return ExpectedReceiptState.OPEN if any(line.missing for line in lines) else ExpectedReceiptState.RECEIVED


def _require_expected(before: Mapping[str, ExpectedLine], arrived: Sequence[Arrived]) -> None:
    strange = [one for one in arrived if one.sku_code not in before]
    if strange:
        sku = strange[0].sku_code
        raise UnexpectedSku(
            f"{sku} is not expected with this document; say why it is accepted, or set it apart.",
            metadata={"sku_code": sku},
            fields=[
                FieldViolation(f"{one.field}.sku_code", f"{one.sku_code} is not expected") for one in strange
            ],
        )


def _require_within(
    receipt: ExpectedReceipt, after: Mapping[str, ExpectedLine], arrived: Sequence[Arrived]
) -> None:
    percent = receipt.expectation.over_delivery_percent
    over = {sku: line for sku, line in after.items() if line.received > line.bound(percent)}
    if not over:
        return
    received_before = {line.sku_code: line.received for line in receipt.expectation.lines}
    sku, line = next(iter(over.items()))
    acceptable = max(0, line.bound(percent) - received_before[sku])
    asked = line.received - received_before[sku]
    raise OverDelivery(
        f"{acceptable} more of {sku} may come with this document, not {asked}.",
        metadata={
            "sku_code": sku,
            "asked_quantity": str(asked),
            "available_quantity": str(acceptable),
            "expected_quantity": str(line.expected),
            "received_quantity": str(received_before[sku]),
        },
        fields=[
            FieldViolation(f"{one.field}.quantity", f"more of {one.sku_code} than expected")
            for one in arrived
            if one.sku_code in over
        ],
    )


def _closed(receipt: ExpectedReceipt) -> ExpectedReceiptClosed:
    return ExpectedReceiptClosed(metadata={"state": receipt.state.name})
