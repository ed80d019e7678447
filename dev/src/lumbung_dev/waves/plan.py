"""Plans the waves of a `pickwave/1` file, and tells beside it what the usual ways would have walked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lumbung_dev.waves.pickwave import Instance
from lumbung_fulfillment.domain.batching import Cart, first_come
from lumbung_fulfillment.domain.cart import Capacity, Job
from lumbung_fulfillment.domain.layout import Stop
from lumbung_fulfillment.domain.planner.search import Batched, Effort, Wish, batched, earliest_due
from lumbung_fulfillment.domain.planner.timetable import Labour
from lumbung_fulfillment.domain.routing import route, s_shape_walk_m, walk_m

PRICES = ((100.0, 30.0, 0.7), (20.0, 6.0, 0.15), (10.0, 3.0, 0.15))
"""What lateness costs in metres, a late order and each minute of it, and the share of the budget for a search with
these prices. The next ones are for a team that cannot make its times: it would walk ever more for ever fewer minutes,
and is not to walk more than by filling carts in the order in which orders are wanted."""


@dataclass(frozen=True, slots=True)
class PlannedCart:
    """One cart: its orders, a location for each of their lines in walking order, and the walk."""

    order_ids: tuple[str, ...]
    picks: tuple[str, ...]
    walk_m: float


@dataclass(frozen=True, slots=True)
class Lateness:
    """How a plan keeps its times: orders that are late, the sum of their minutes, and when the last cart is back."""

    late_orders: int
    tardiness_min: float
    makespan_min: float


@dataclass(frozen=True, slots=True)
class FilePlan:
    """The plan, what it walks, and what other ways to fill carts and to walk would have walked."""

    carts: tuple[PlannedCart, ...]
    walk_m: float
    left_out: tuple[str, ...]
    first_come_s_shape_m: float
    first_come_m: float
    lateness: Lateness | None
    due_first_lateness: Lateness | None
    due_first_m: float | None
    seconds: float
    walks: int
    was_hurried: bool

    @property
    def beats_due_first(self) -> bool:
        """Whether it is at most as late as carts filled by due time and walked the shortest way, and walks less."""
        ours, due = self.lateness, self.due_first_lateness
        if ours is None or due is None or self.due_first_m is None:
            return True
        in_time = ours.late_orders <= due.late_orders and ours.tardiness_min <= due.tardiness_min
        return in_time and self.walk_m < self.due_first_m

    def content(self) -> dict[str, Any]:
        """As it is written to a file."""
        content: dict[str, Any] = {
            "carts": [
                {"orders": list(cart.order_ids), "picks": list(cart.picks), "walk": _figure(cart.walk_m)}
                for cart in self.carts
            ],
            "walk": _figure(self.walk_m),
        }
        if self.left_out:
            content["left_out"] = list(self.left_out)
        if self.lateness:
            content["late_orders"] = self.lateness.late_orders
            content["total_tardiness_min"] = round(self.lateness.tardiness_min, 2)
        return content

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(self.content(), indent=1) + "\n", encoding="utf-8")
        part.replace(path)


def _figure(metres: float) -> float:
    return round(metres, 3)


def plan(
    instance: Instance, budget_s: float, seed: int = 1, clock: Callable[[], float] = time.monotonic
) -> FilePlan:
    """Searches for about so many seconds, by the clock at the most."""
    began = clock()
    capacity = Capacity(units=instance.capacity_units, totes=0, picks=0)
    wish = Wish(instance.layout, instance.jobs(), capacity, instance.wanted_s())
    if not wish.wanted_s:
        found = batched(wish, _effort(budget_s, seed, clock))
        return _told(instance, wish, found, clock() - began)
    plans: list[FilePlan] = []
    for late_m, late_m_per_min, share in PRICES:
        priced = replace(wish, labour=_labour(instance, late_m, late_m_per_min))
        found = batched(priced, _effort(budget_s * share, seed, clock))
        plans.append(_told(instance, priced, found, clock() - began))
        if plans[-1].beats_due_first:
            return plans[-1]
    return plans[0]


def _effort(budget_s: float, seed: int, clock: Callable[[], float]) -> Effort:
    began = clock()
    return Effort(budget_s, seed, lambda: (clock() - began) / max(budget_s, 1e-9))


def _told(instance: Instance, wish: Wish, found: Batched, seconds: float) -> FilePlan:
    carts = tuple(_routed(instance, cart) for cart in found.carts)
    plain = first_come(wish.jobs, wish.capacity)
    due = earliest_due(wish.jobs, wish.wanted_s, wish.capacity) if wish.wanted_s else None
    layout = instance.layout
    riding = {job.order_id for job in wish.jobs}
    return FilePlan(
        carts,
        sum(cart.walk_m for cart in carts),
        tuple(order.order_id for order in instance.orders if order.order_id not in riding),
        sum(s_shape_walk_m(layout, _stops(cart)) for cart in plain),
        sum(walk_m(layout, _stops(cart)) for cart in plain),
        lateness(instance, [cart.order_ids for cart in carts], [cart.walk_m for cart in carts])
        if due
        else None,
        lateness(instance, [_ids(cart) for cart in due], [walk_m(layout, _stops(cart)) for cart in due])
        if due
        else None,
        sum(walk_m(layout, _stops(cart)) for cart in due) if due else None,
        seconds,
        found.walks,
        found.was_hurried,
    )


def _labour(instance: Instance, late_m: float, late_m_per_min: float) -> Labour:
    asked = instance.labour
    if asked is None:
        raise ValueError("an instance with times has labour")
    speed = asked.walk_m_per_s
    return Labour(asked.pickers, speed, asked.pick_s_per_line, asked.setup_s_per_cart, late_m, late_m_per_min)


def _ids(cart: Sequence[Job]) -> tuple[str, ...]:
    return tuple(job.order_id for job in cart)


def _stops(cart: Sequence[Job]) -> tuple[Stop, ...]:
    return tuple({stop for job in cart for stop in job.stops})


def _routed(instance: Instance, cart: Cart) -> PlannedCart:
    """The walk through a cart's stops, a location for each line; the left shelf of a stop before the right one."""
    found = route(instance.layout, _stops(cart))
    place = {stop: number for number, stop in enumerate(found.stops)}
    orders = {order.order_id: order for order in instance.orders}
    locations = [line.location for job in cart for line in orders[job.order_id].lines]
    locations.sort(key=lambda code: (place[instance.stops[code]], code))
    return PlannedCart(_ids(cart), tuple(locations), found.walk_m)


def lateness(instance: Instance, carts: Sequence[Sequence[str]], walks_m: Sequence[float]) -> Lateness:
    """Free pickers take the carts in order; an order is done when its cart is back."""
    labour = instance.labour
    if labour is None:
        raise ValueError("an instance without labour has no times")
    orders = {order.order_id: order for order in instance.orders}
    free = [0.0] * labour.pickers
    late: list[float] = []
    for order_ids, walk in zip(carts, walks_m, strict=True):
        picker = free.index(min(free))
        lines = sum(len(orders[order_id].lines) for order_id in order_ids)
        work_s = labour.setup_s_per_cart + lines * labour.pick_s_per_line + walk / labour.walk_m_per_s
        free[picker] += work_s
        wanted = [orders[order_id].wanted_s for order_id in order_ids]
        late += [free[picker] - at for at in wanted if at is not None and free[picker] > at + 1e-6]
    return Lateness(len(late), sum(late) / 60.0, max(free) / 60.0)
