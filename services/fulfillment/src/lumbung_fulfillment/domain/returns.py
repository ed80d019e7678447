"""Goods that come back: never more than was sent, never more decided about than came back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from lumbung_fulfillment.domain.bookings import Condition
from lumbung_fulfillment.domain.failures import InspectionExceedsReturn, ReturnExceedsOrder
from lumbung_kit.failures import PreconditionViolation


class ReturnState(Enum):
    """Where a return stands."""

    EXPECTED = "expected"
    RECEIVED = "received"
    INSPECTED = "inspected"


class ReturnReason(Enum):
    """Why goods came back."""

    CHANGED_MIND = "changed_mind"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    DEFECTIVE = "defective"
    UNDELIVERED = "undelivered"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """One SKU of a return, and what became of it."""

    sku_code: str
    quantity: int
    restocked_quantity: int = 0
    quarantined_quantity: int = 0
    scrapped_quantity: int = 0

    @property
    def undecided_quantity(self) -> int:
        """What nobody has decided about yet."""
        return self.quantity - self.restocked_quantity - self.quarantined_quantity - self.scrapped_quantity


@dataclass(frozen=True, slots=True)
class Return:
    """Goods that came back for one order."""

    return_id: UUID
    order_id: UUID
    warehouse_code: str
    state: ReturnState
    reason: ReturnReason
    note: str
    receive_time: datetime | None
    inspect_time: datetime | None
    lines: tuple[ReturnLine, ...]
    announce_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of some of the goods."""

    sku_code: str
    quantity: int
    condition: Condition
    bin_code: str
    note: str
    photo_reference: str


def require_returnable(
    shipped: Mapping[str, int], returned: Mapping[str, int], wanted: Mapping[str, int]
) -> None:
    """Refuses more of a SKU than the order shipped less what came back before; names each."""
    problems = []
    for sku_code, quantity in wanted.items():
        left = shipped.get(sku_code, 0) - returned.get(sku_code, 0)
        if quantity > left:
            problems.append(_excess(sku_code, quantity, left))
    if problems:
        raise ReturnExceedsOrder(preconditions=problems)


def require_decidable(lines: Sequence[ReturnLine], decisions: Sequence[Decision]) -> None:
    """Refuses decisions about more than has come back and is undecided; names each SKU."""
    left = {line.sku_code: line.undecided_quantity for line in lines}
    wanted: dict[str, int] = defaultdict(int)
    for decision in decisions:
        wanted[decision.sku_code] += decision.quantity
    problems = [_excess(sku, q, left.get(sku, 0)) for sku, q in wanted.items() if q > left.get(sku, 0)]
    if problems:
        raise InspectionExceedsReturn(preconditions=problems)


def _excess(sku_code: str, quantity: int, left: int) -> PreconditionViolation:
    return PreconditionViolation("TOO_MANY", sku_code, f"{quantity} asked, {left} left")
