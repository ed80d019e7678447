"""Orders of channels: what a delivery says, what it asks of stock, and what stock's answer means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

LINES_MAX = 100
ROUNDS_MAX = 3
_PLAIN_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,27}")


class DeliveryKind(Enum):
    """What a delivery is about."""

    ORDER = "ORDER"
    CANCELLATION = "CANCELLATION"
    RETURN = "RETURN"
    UNREADABLE = "UNREADABLE"


class OrderState(Enum):
    """Where an order stands."""

    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    SHADOWED = "SHADOWED"
    STUCK = "STUCK"


class AnswerKind(Enum):
    """What a channel is told about an order."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    CANCEL = "CANCEL"
    CANCEL_REFUSED = "CANCEL_REFUSED"


@dataclass(frozen=True, slots=True)
class ItemLine:
    """Items of one listing, as a channel says it."""

    listing_ref: str
    item_quantity: int
    flash_sale_code: str = ""


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """Somebody bought."""

    order_ref: str
    lines: tuple[ItemLine, ...]
    buyer_ref: str
    courier_service: str
    place_time: datetime | None


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """It was cancelled: on the channel, whose own figure has already gone up again, or by the seller."""

    order_ref: str
    reason: str
    by_seller: bool = False


@dataclass(frozen=True, slots=True)
class ReturnAnnounced:
    """Goods will come back."""

    return_ref: str
    order_ref: str
    lines: tuple[ItemLine, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Signed by the channel, but it says nothing that its connector understands."""

    digest: str
    problem: str


Message = OrderPlaced | OrderCancelled | ReturnAnnounced | Unreadable


def kind_of(message: Message) -> DeliveryKind:
    """What a message is about."""
    match message:
        case OrderPlaced():
            return DeliveryKind.ORDER
        case OrderCancelled():
            return DeliveryKind.CANCELLATION
        case ReturnAnnounced():
            return DeliveryKind.RETURN
        case Unreadable():
            return DeliveryKind.UNREADABLE


def subject_of(message: Message) -> str:
    """What makes two deliveries of one channel and kind the same in effect, whatever their header ids say."""
    match message:
        case OrderPlaced() | OrderCancelled():
            return message.order_ref
        case ReturnAnnounced():
            return message.return_ref
        case Unreadable():
            return message.digest


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Items of a listing with what they are in the warehouse; no SKU when the listing is unknown here."""

    listing_ref: str
    sku_code: str | None
    item_quantity: int
    unit_quantity: int
    flash_sale_code: str


@dataclass(frozen=True, slots=True)
class ChannelOrder:
    """An order as stored."""

    channel_code: str
    order_ref: str
    state: OrderState
    lines: tuple[OrderLine, ...]
    customer_reference: str
    courier_service: str
    place_time: datetime | None
    receive_time: datetime
    reserve_round: int = 1
    decide_time: datetime | None = None
    reservation_id: str = ""
    reason: str = ""
    message: str = ""
    cancel_time: datetime | None = None
    cancel_reason: str = ""
    cancel_came_too_late: bool = False
    answer_time: datetime | None = None
    duplicate_count: int = 0
    traceparent: str = ""


def step_id(channel_code: str, order_ref: str, step: str, reserve_round: int = 1) -> str:
    """The request_id of one step of one order: always the same, so that repeating it changes nothing.

    `tokoria:T-1001:reserve`, then `tokoria:T-1001:reserve.2`: at most 24 + 1 + 28 + 1 + 9 characters, of stock's
    alphabet. A reference that is longer or has other characters is named by its hash, after a dot that no plain
    one begins with.
    """
    plain = order_ref if _PLAIN_REF.fullmatch(order_ref) else f".{_digest(order_ref)[:27]}"
    suffix = "" if reserve_round == 1 else f".{reserve_round}"
    return f"{channel_code}:{plain}:{step}{suffix}"


def customer_reference(channel_code: str, buyer_ref: str) -> str:
    """The buyer's opaque key towards stock; two channels' buyer 17 are two people."""
    if not buyer_ref:
        return ""
    plain = f"{channel_code}:{buyer_ref}"
    return plain if len(plain) <= 64 else f"{channel_code}:{_digest(buyer_ref)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Demand:
    """What an order asks of stock."""

    lines: tuple[tuple[str, int], ...]
    flash_sale_code: str


class Undemandable(Exception):  # noqa: N818 - a finding about an order, not a program's error
    """The order cannot be put to stock as it is."""

    def __init__(self, reason: str, message: str, *, for_a_person: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.for_a_person = for_a_person


def demand_of(lines: Sequence[OrderLine]) -> Demand:
    """Base units per SKU, in the order of the lines, and the one flash sale that they draw on."""
    unknown = [line.listing_ref for line in lines if line.sku_code is None]
    if unknown:
        raise Undemandable(
            "LISTING_UNKNOWN", f"no listing is known as {', '.join(unknown[:5])}", for_a_person=True
        )
    sales = {line.flash_sale_code for line in lines if line.flash_sale_code}
    if len(sales) > 1:
        raise Undemandable(
            "SEVERAL_FLASH_SALES", "one order can draw on one flash sale only", for_a_person=False
        )
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku_code or ""] = units.get(line.sku_code or "", 0) + line.unit_quantity
    return Demand(tuple(units.items()), next(iter(sales), ""))


class StockAnswer(Enum):
    """What a failed call to stock means for an order."""

    REFUSED = "the channel is told no"
    HOLD_GONE = "the hold ran out before it was confirmed: ask again under a new id"
    TRY_AGAIN = "nothing is known yet: ask again under the same id"
    FOR_A_PERSON = "something is set up wrong: park it"


_REFUSALS = frozenset(
    {
        "OUT_OF_STOCK",
        "CUSTOMER_LIMIT_REACHED",
        "FLASH_SALE_NOT_FOUND",
        "FLASH_SALE_NOT_OPEN",
        "CHANNEL_NOT_ON_SALE",
        "SKU_RETIRED",
    }
)
_TRY_AGAIN_KINDS = frozenset(
    {"UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED", "INTERNAL"}
)


def judge_stock_failure(kind: str, reason: str) -> StockAnswer:
    """What to do after stock's refusal of a Reserve or Confirm. An INTERNAL error may pass; bad input never does."""
    if reason in ("HOLD_EXPIRED", "HOLD_LOST", "ALREADY_RESOLVED"):
        return StockAnswer.HOLD_GONE
    if reason in _REFUSALS:
        return StockAnswer.REFUSED
    if kind in _TRY_AGAIN_KINDS:
        return StockAnswer.TRY_AGAIN
    return StockAnswer.FOR_A_PERSON


def next_round(order: ChannelOrder) -> ChannelOrder:
    """The same order, to be asked for anew under a new request id."""
    return replace(order, reserve_round=order.reserve_round + 1)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that waits for a person."""

    dead_letter_id: int
    channel_code: str
    kind: str
    order_ref: str
    reason: str
    message: str
    attempt_count: int
    receive_time: datetime
    park_time: datetime


@dataclass(frozen=True, slots=True)
class ExpectedReturn:
    """Goods that will come back."""

    expected_return_id: int
    channel_code: str
    return_ref: str
    order_ref: str
    reservation_id: str
    lines: tuple[OrderLine, ...]
    reason: str
    receive_time: datetime
