"""Orders as the warehouse sees them: what one warehouse has to send for one confirmed reservation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID, uuid5

from lumbung_fulfillment.domain.cutoffs import OpenOrder, Stage
from lumbung_fulfillment.domain.failures import OrderWrongState
from lumbung_fulfillment.domain.pickups import Schedule

_ORDER_IDS = UUID("5d9c2f0a-6a0e-5c35-9a52-6c6d4e1b7f20")


class OrderState(Enum):
    """Where an order stands. It always ends SHIPPED or CANCELLED."""

    QUEUED = "queued"
    PLANNED = "planned"
    PICKING = "picking"
    SHORT = "short"
    PICKED = "picked"
    PACKED = "packed"
    SHIPPING = "shipping"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    HELD = "held"


WAITING = (OrderState.QUEUED, OrderState.SHORT)
RIDING = (OrderState.PLANNED, OrderState.PICKING)
FINAL = (OrderState.SHIPPED, OrderState.CANCELLED)
HOLDABLE = (*WAITING, *RIDING, OrderState.PICKED, OrderState.PACKED)

_STAGES = {
    OrderState.QUEUED: Stage.QUEUED,
    OrderState.HELD: Stage.HELD,
    OrderState.SHORT: Stage.SHORT,
    OrderState.PLANNED: Stage.PLANNED,
    OrderState.PICKING: Stage.PICKING,
    OrderState.PICKED: Stage.PICKED,
    OrderState.PACKED: Stage.PACKED,
    OrderState.SHIPPING: Stage.PACKED,
}


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What is needed of one SKU; an order has each SKU once."""

    sku_code: str
    quantity: int
    picked_quantity: int = 0
    short_quantity: int = 0

    @property
    def open_quantity(self) -> int:
        """What is still to be picked."""
        return self.quantity - self.picked_quantity


def resumed_state(lines: Sequence[OrderLine], *, is_packed: bool) -> OrderState:
    """Where an order goes on that was held, by what is in its tote and in its parcel."""
    if not any(line.open_quantity for line in lines):
        return OrderState.PACKED if is_packed else OrderState.PICKED
    was_begun = any(line.picked_quantity or line.short_quantity for line in lines)
    return OrderState.SHORT if was_begun else OrderState.QUEUED


@dataclass(frozen=True, slots=True)
class SaleLine:
    """A line as the buyer asked for it; may be a bundle."""

    sku_code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order."""

    order_id: UUID
    reservation_id: UUID
    warehouse_code: str
    channel_code: str
    order_reference: str
    state: OrderState
    courier_service: str
    pickup_time: datetime | None
    priority: int
    note: str
    wave_id: UUID | None
    tote_position: int
    place_time: datetime
    accept_time: datetime
    pick_start_time: datetime | None
    pick_end_time: datetime | None
    pack_time: datetime | None
    ship_time: datetime | None
    cancel_time: datetime | None
    reason: str
    revision: int
    lines: tuple[OrderLine, ...]
    sale_lines: tuple[SaleLine, ...]

    def require(self, *states: OrderState) -> None:
        """Refuses unless the order is in one of these states."""
        if self.state not in states:
            raise OrderWrongState(
                f"order {self.order_reference} is {self.state.value}",
                metadata={"order_id": str(self.order_id), "state": self.state.name},
            )

    def open_order(self, schedule: Schedule | None) -> OpenOrder:
        """The order as cut-offs see it."""
        ready = schedule.ready_time(self.pickup_time) if schedule and self.pickup_time else None
        open_lines = sum(1 for line in self.lines if line.open_quantity)
        return OpenOrder(str(self.order_id), _STAGES[self.state], open_lines, ready, self.pickup_time)


@dataclass(frozen=True, slots=True)
class Draw:
    """Units that a reservation takes from one warehouse."""

    warehouse_code: str
    sku_code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ConfirmedReservation:
    """What stock tells of a sale."""

    reservation_id: UUID
    channel_code: str
    order_reference: str
    courier_service: str
    place_time: datetime | None
    priority: int
    note: str
    sale_lines: tuple[SaleLine, ...]
    draws: tuple[Draw, ...]


@dataclass(frozen=True, slots=True)
class OrderPart:
    """What one warehouse has to send for a reservation."""

    order_id: UUID
    warehouse_code: str
    quantities: Mapping[str, int]


def parts(reservation_id: UUID, draws: Sequence[Draw]) -> list[OrderPart]:
    """One order per warehouse, each SKU once. The same reservation gives the same order ids."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for draw in draws:
        sums[draw.warehouse_code][draw.sku_code] += draw.quantity
    return [
        OrderPart(uuid5(_ORDER_IDS, f"{reservation_id}/{warehouse}"), warehouse, dict(sorted(skus.items())))
        for warehouse, skus in sorted(sums.items())
    ]
