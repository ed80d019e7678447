"""Which pickup an order can make, by what waits before it and how fast the team works."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from lumbung_fulfillment.domain.pickups import Schedule

_ORDERS_PER_CART = 8
_WALK_PER_ORDER_M = 60.0


@dataclass(frozen=True, slots=True)
class Team:
    """Who is on shift, and how long a step takes: a sensible start until the floor is measured."""

    picker_count: int = 2
    packer_count: int = 1
    per_line: timedelta = timedelta(seconds=20)
    per_cart: timedelta = timedelta(minutes=3)
    per_pack: timedelta = timedelta(seconds=90)
    walk_speed_mps: float = 1.0

    def pick_work(self, lines: int, carts: int, walk_m: float) -> timedelta:
        """One picker's time for carts of so many lines and such a walk."""
        return lines * self.per_line + carts * self.per_cart + timedelta(seconds=walk_m / self.walk_speed_mps)

    def latest_start(self, ready: datetime, lines: int, orders: int, walk_m: float) -> datetime:
        """When a cart must begin at the latest so that its orders are packed in time."""
        return ready - self.pick_work(lines, 1, walk_m) - orders * self.per_pack / self.packer_count


class Stage(Enum):
    """What of an order is still to be done."""

    QUEUED = "queued"
    SHORT = "short"
    PLANNED = "planned"
    PICKING = "picking"
    PICKED = "picked"
    PACKED = "packed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that has not shipped: its stage, what is left to pick, and when it must stand ready."""

    order_id: str
    stage: Stage
    open_lines: int
    ready_time: datetime | None
    pickup_time: datetime | None = None


class Advice(Enum):
    """What would help an order that is late."""

    PLAN_NOW = "plan_now"
    CLAIM_WAVE = "claim_wave"
    PICK_AND_PACK_FIRST = "pick_and_pack_first"
    FIND_STOCK = "find_stock"
    CHANGE_PICKUP = "change_pickup"
    SET_SCHEDULE = "set_schedule"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Risk:
    """An order, the time left after the work still to do, that work, and what would help."""

    order: OpenOrder
    slack: timedelta | None
    remaining_work: timedelta
    advice: Advice


@dataclass(frozen=True, slots=True)
class Promise:
    """Which pickup an order placed now makes, and until when one may be placed for it."""

    pickup_time: datetime
    order_before: datetime
    backlog_work: timedelta


def own_work(team: Team, lines: int) -> timedelta:
    """From the queue to the dock for one order of so many lines, riding on a usual cart."""
    return team.pick_work(lines, 1, _WALK_PER_ORDER_M) + team.per_pack


def backlog_work(team: Team, orders: Iterable[OpenOrder]) -> timedelta:
    """How long the team needs for these orders: pickers and packers work side by side, the slower decide."""
    to_pack = [order for order in orders if order.stage is not Stage.PACKED]
    to_pick = [order for order in to_pack if order.stage is not Stage.PICKED]
    lines = sum(order.open_lines for order in to_pick)
    carts = -(-len(to_pick) // _ORDERS_PER_CART)
    picking = team.pick_work(lines, carts, len(to_pick) * _WALK_PER_ORDER_M) / team.picker_count
    packing = len(to_pack) * team.per_pack / team.packer_count
    return max(picking, packing)


def promise(
    schedule: Schedule, team: Team, orders: Sequence[OpenOrder], lines: int, now: datetime
) -> Promise | None:
    """The first pickup that can still be made; None when the schedule has none in sight."""
    for pickup_time in schedule.after(now, count=20):
        before_it = [
            order for order in orders if order.pickup_time is None or order.pickup_time <= pickup_time
        ]
        backlog = backlog_work(team, before_it)
        order_before = schedule.ready_time(pickup_time) - backlog - own_work(team, lines)
        if order_before >= now:
            return Promise(pickup_time, order_before, backlog)
    return None


def at_risk(team: Team, orders: Sequence[OpenOrder], slack_below: timedelta, now: datetime) -> list[Risk]:
    """Orders with less slack than a bound, least first; those without a pickup come before all others."""
    dated = [(order, order.ready_time) for order in orders if order.ready_time is not None]
    backlogs = {
        ready_time: backlog_work(team, [order for order, other in dated if other <= ready_time])
        for ready_time in {ready_time for _, ready_time in dated}
    }
    risks = [_risk(team, order, backlogs, now) for order in orders]
    risks = [risk for risk in risks if risk.slack is None or risk.slack < slack_below]
    return sorted(
        risks, key=lambda risk: (risk.slack is not None, risk.slack or timedelta(0), risk.order.order_id)
    )


def _risk(team: Team, order: OpenOrder, backlogs: Mapping[datetime, timedelta], now: datetime) -> Risk:
    if order.ready_time is None:
        return Risk(order, None, timedelta(0), Advice.SET_SCHEDULE)
    alone = _left_of(team, order)
    work = max(backlogs[order.ready_time], alone)
    left = order.ready_time - now
    return Risk(order, left - work, work, _advice(order, left - alone))


def _left_of(team: Team, order: OpenOrder) -> timedelta:
    """The work on this order alone."""
    match order.stage:
        case Stage.PACKED:
            return timedelta(0)
        case Stage.PICKED:
            return team.per_pack
        case _:
            return own_work(team, order.open_lines)


def _advice(order: OpenOrder, slack_alone: timedelta) -> Advice:
    """What would help; when even nothing else before it would not, another pickup."""
    if order.stage is Stage.HELD:
        return Advice.RESUME
    if order.stage is Stage.SHORT:
        return Advice.FIND_STOCK
    if slack_alone < timedelta(0):
        return Advice.CHANGE_PICKUP
    match order.stage:
        case Stage.QUEUED:
            return Advice.PLAN_NOW
        case Stage.PLANNED:
            return Advice.CLAIM_WAVE
        case _:
            return Advice.PICK_AND_PACK_FIRST
