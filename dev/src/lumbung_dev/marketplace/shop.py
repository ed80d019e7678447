"""What the marketplace knows: listings with their figures, and orders. In memory, without I/O."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

HISTORY_MAX = 2_000
LISTINGS_MAX = 20_000
ORDERS_MAX = 200_000
QUANTITY_MAX = 1_000_000


class OrderState(Enum):
    """Where an order stands, for its buyer."""

    WAITING = "WAITING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    RETURNING = "RETURNING"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a figure."""

    at_s: float
    quantity: int
    cause: str
    version: int


@dataclass(slots=True)
class Listing:
    """Something that is sold here, with the marketplace's own figure of it."""

    listing_id: str
    title: str
    seller_sku: str
    price_idr: int
    quantity: int = 0
    version: int = 0
    sale_code: str = ""
    history: deque[Change] = field(default_factory=lambda: deque(maxlen=HISTORY_MAX))

    def change(self, quantity: int, cause: str) -> None:
        """Shows another figure from now on."""
        self.quantity = quantity
        self.history.append(Change(time.time(), quantity, cause, self.version))


@dataclass(frozen=True, slots=True)
class Line:
    """Items of one listing in an order."""

    listing_id: str
    quantity: int
    sale_code: str


@dataclass(slots=True)
class Order:
    """What somebody bought."""

    order_id: str
    buyer_id: str
    courier: str
    lines: tuple[Line, ...]
    placed_at_s: float
    traceparent: str
    state: OrderState = OrderState.WAITING
    reason: str = ""
    message: str = ""
    answered_at_s: float | None = None
    return_id: str = ""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row of a seller's call."""

    status: str
    code: str = ""
    message: str = ""
    version: int = 0
    quantity: int = 0


class NotSold(Exception):  # noqa: N818 - an answer to a buyer
    """The order cannot be placed."""

    def __init__(self, error: str, listing_id: str) -> None:
        super().__init__(error)
        self.error = error
        self.listing_id = listing_id


class WrongState(Exception):  # noqa: N818 - an answer to a buyer
    """The order cannot do that any more."""


class Shop:
    """One seller's shop on the marketplace."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Orders are forgotten at the end, but sellers remember their numbers: a new shop gives out new ones.
        self._number_prefix = f"{name[:3].upper()}-{datetime.now(UTC):%y%m%d%H%M%S}"
        self.listings: dict[str, Listing] = {}
        self.orders: dict[str, Order] = {}
        self.misbehaving: dict[str, str] = {}

    def put_listing(self, listing_id: str, title: str, seller_sku: str, price_idr: int) -> None:
        """Makes a listing with nothing to sell yet, or renames one."""
        known = self.listings.get(listing_id)
        if known is None:
            self.listings[listing_id] = Listing(listing_id, title, seller_sku, price_idr)
        else:
            known.title, known.seller_sku, known.price_idr = title, seller_sku, price_idr

    def set_figure(self, listing_id: str, quantity: int, version: int, sale_code: str) -> RowResult:
        """Shows this figure, unless it has shown a newer version."""
        listing = self.listings.get(listing_id)
        if listing is None:
            return RowResult("refused", "listing_unknown", f"no listing is called {listing_id}")
        if (fault := self.misbehaving.get(listing_id)) is not None:
            return RowResult(fault, f"listing_{fault}", "told to misbehave")
        if not 0 <= quantity <= QUANTITY_MAX:
            return RowResult("refused", "quantity_invalid", f"quantity must be 0 to {QUANTITY_MAX}")
        if version < listing.version:
            return RowResult(
                "stale", "version_stale", "a newer version is shown", listing.version, listing.quantity
            )
        if version > listing.version:
            listing.version, listing.sale_code = version, sale_code
            listing.change(quantity, "push")
        return RowResult("applied", version=listing.version, quantity=listing.quantity)

    def place(
        self, buyer_id: str, courier: str, wanted: Sequence[tuple[str, int]], traceparent: str
    ) -> Order:
        """Sells all of it, or nothing: by its own figure, which is all that a marketplace knows."""
        asked: dict[str, int] = {}
        for listing_id, quantity in wanted:
            asked[listing_id] = asked.get(listing_id, 0) + quantity
        for listing_id, quantity in asked.items():
            if listing_id not in self.listings:
                raise NotSold("listing_unknown", listing_id)
            if self.listings[listing_id].quantity < quantity:
                raise NotSold("sold_out", listing_id)
        if len(self.orders) >= ORDERS_MAX:
            raise NotSold("marketplace_full", wanted[0][0])
        lines = tuple(Line(one, quantity, self.listings[one].sale_code) for one, quantity in wanted)
        for listing_id, quantity in asked.items():
            self.listings[listing_id].change(self.listings[listing_id].quantity - quantity, "order")
        order_id = f"{self._number_prefix}-{len(self.orders) + 1:05d}"
        order = Order(order_id, buyer_id, courier, lines, time.time(), traceparent)
        self.orders[order_id] = order
        return order

    def answer(self, order_id: str, answer: str, reason: str, message: str) -> RowResult:
        """What the seller says about an order; the same again changes nothing."""
        order = self.orders.get(order_id)
        if order is None:
            return RowResult("refused", "order_unknown", f"no order is called {order_id}")
        states = {
            "accept": (OrderState.ACCEPTED, {OrderState.WAITING}),
            "reject": (OrderState.REJECTED, {OrderState.WAITING}),
            "cancel": (OrderState.CANCELLED, {OrderState.WAITING, OrderState.ACCEPTED}),
            "refuse_cancellation": (OrderState.ACCEPTED, {OrderState.CANCELLED}),
        }
        if answer not in states:
            return RowResult("refused", "answer_unknown", f"no answer is called {answer}")
        to_state, from_states = states[answer]
        if order.state in from_states:
            order.state, order.reason, order.message = to_state, reason, message
            order.answered_at_s = time.time()
        return RowResult("applied")

    def cancel(self, order_id: str, reason: str) -> Order:
        """The buyer cancels; what was not shipped can be bought again at once."""
        order = self.orders[order_id]
        if order.state not in (OrderState.WAITING, OrderState.ACCEPTED):
            raise WrongState(order.state.value)
        order.state, order.reason = OrderState.CANCELLED, reason
        for line in order.lines:
            listing = self.listings[line.listing_id]
            listing.change(listing.quantity + line.quantity, "cancellation")
        return order

    def announce_return(self, order_id: str, reason: str) -> Order:
        """The buyer sends it back; nothing can be bought again before the seller has seen it."""
        order = self.orders[order_id]
        if order.state is not OrderState.ACCEPTED:
            raise WrongState(order.state.value)
        order.state, order.reason, order.return_id = OrderState.RETURNING, reason, f"{order_id}-R1"
        return order

    def chosen(self, listing_ids: Iterable[str]) -> list[Listing]:
        """These listings, or all when none is named; unknown ones are left out."""
        wanted = list(listing_ids)
        if not wanted:
            return list(self.listings.values())
        return [self.listings[one] for one in wanted if one in self.listings]
