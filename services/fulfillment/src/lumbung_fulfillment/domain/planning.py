"""Waves from waiting orders: which bins, which cart, which walk. Pure, and the same for the same input.

Orders meant for one courier pickup make a class of their own: an order that would make a courier late never
rides with one that can wait. Within a class, carts are put together for little walking. Where it is known how fast the
team works, orders of a later pickup ride along where that saves walking and makes nobody late (`merging`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from itertools import groupby, pairwise

from lumbung_fulfillment.domain.batching import Cart, Walks, batch, first_come, total_walk_m
from lumbung_fulfillment.domain.bins import Missing, Need, Pick, Supply, choose
from lumbung_fulfillment.domain.cart import Capacity, Job, Load, Measure
from lumbung_fulfillment.domain.layout import Layout, Stop
from lumbung_fulfillment.domain.merging import Merging, Shift
from lumbung_fulfillment.domain.planner.search import BLOCKS_MAX, Effort, Wish, batched
from lumbung_fulfillment.domain.planner.search import lengths_m as lengths_in_blocks_m
from lumbung_fulfillment.domain.routing import Method, route, s_shape_walk_m, walk_m

_EVALUATIONS_PER_S = 4_000
"""Routes that Python computes in a second, about, where the planner of machine code does not apply."""


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order in the queue, with what it still needs by SKU, and what all of that weighs and takes in room.

    `ready_time` is when it must be packed for its pickup; at the pickup itself where nothing else is known.
    """

    order_id: str
    needs: Mapping[str, int]
    pickup_time: datetime | None
    priority: int
    accept_time: datetime
    weight_g: int = 0
    volume_ml: int = 0
    ready_time: datetime | None = None

    @property
    def ready_by(self) -> datetime | None:
        """When it must be packed."""
        return self.ready_time or self.pickup_time

    @property
    def load(self) -> Load:
        """What it asks of a cart, before its bins are chosen."""
        return Load(sum(self.needs.values()), 1, self.weight_g, self.volume_ml)


class LeftOutReason(Enum):
    """Why an order does not ride."""

    NO_BIN_STOCK = "no_bin_stock"
    LARGER_THAN_CART = "larger_than_cart"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An order that stays in the queue, and why: what no bin has, or in what respect it is too much for a cart."""

    order_id: str
    reason: LeftOutReason
    sku_codes: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Late:
    """An order that rides and will not be packed in time for its pickup, and when it will be."""

    order_id: str
    ready_by: datetime
    expected_time: datetime


@dataclass(frozen=True, slots=True)
class OrderedPick:
    """A pick at its place in the walk, for one order."""

    order_id: str
    pick: Pick


@dataclass(frozen=True, slots=True)
class RidingOrder:
    """An order on a cart, and the walk of picking it alone."""

    order_id: str
    alone_walk_m: float


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """One cart: its orders by tote position, its picks in walking order, and its walk beside other walks.

    `pickup_time` is the earliest of its orders.
    """

    pickup_time: datetime | None
    orders: tuple[RidingOrder, ...]
    picks: tuple[OrderedPick, ...]
    walk_m: float
    s_shape_walk_m: float
    method: Method

    @property
    def order_by_order_walk_m(self) -> float:
        """Walking for each order alone."""
        return sum(order.alone_walk_m for order in self.orders)


@dataclass(frozen=True, slots=True)
class Planned:
    """Waves in the order in which pickers take them, what stays behind, what will be late, and what first come would
    walk."""

    waves: tuple[PlannedWave, ...]
    left_out: tuple[LeftOut, ...]
    first_come_walk_m: float
    first_come_s_shape_walk_m: float
    late: tuple[Late, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ready:
    """An order whose bins are chosen."""

    order: WaitingOrder
    job: Job
    picks: tuple[Pick, ...]


def plan(
    layout: Layout,
    orders: Sequence[WaitingOrder],
    supply: Supply,
    capacity: Capacity,
    effort: Effort,
    shift: Shift | None = None,
) -> Planned:
    """Plans all orders that can ride. Takes what they need off the supply."""
    ready, left_out = _sourced(layout, sorted(orders, key=_urgency), supply, capacity)
    alone = dict(
        zip(
            (entry.job.order_id for entry in ready),
            lengths_m(layout, [entry.job.stops for entry in ready]),
            strict=True,
        )
    )
    by_id = {entry.order.order_id: entry for entry in ready}
    carts = _filled(layout, ready, capacity, effort, shift)
    waves = [_wave(layout, alone, cart, by_id) for cart in carts]
    arrived = sorted(ready, key=lambda entry: (entry.order.accept_time, entry.order.order_id))
    plain = first_come([replace(entry.job, rank=rank) for rank, entry in enumerate(arrived)], capacity)
    return Planned(
        tuple(waves),
        tuple(left_out),
        sum(lengths_m(layout, [_stops(cart) for cart in plain])),
        total_walk_m(plain, lambda stops: s_shape_walk_m(layout, stops)),
        tuple(_late(shift, by_id, carts, [wave.walk_m for wave in waves])) if shift else (),
    )


def _filled(
    layout: Layout, ready: Sequence[_Ready], capacity: Capacity, effort: Effort, shift: Shift | None
) -> Sequence[Cart]:
    """Carts pickup by pickup; then, for half of the effort, with later pickups riding along."""
    classes = [list(group) for _, group in groupby(ready, key=lambda entry: entry.order.pickup_time)]
    if shift is None or not shift.merges(len(classes), len(ready)) or layout.block_count > BLOCKS_MAX:
        return _by_class(layout, classes, capacity, effort)
    half = replace(effort, budget_s=effort.budget_s / 2)
    pickups = {entry.job.order_id: entry.order.pickup_time for entry in ready}
    ready_by = {entry.job.order_id: entry.order.ready_by for entry in ready}
    merging = Merging(
        layout,
        capacity,
        shift,
        _seconds(shift, pickups),
        _seconds(shift, ready_by),
        partial(lengths_m, layout),
    )
    return merging.merged(_by_class(layout, classes, capacity, half), half)


def _seconds(shift: Shift, moments: Mapping[str, datetime | None]) -> dict[str, float]:
    return {order_id: shift.seconds_until(moment) for order_id, moment in moments.items() if moment}


def _by_class(
    layout: Layout, classes: Sequence[Sequence[_Ready]], capacity: Capacity, effort: Effort
) -> list[Cart]:
    count = sum(map(len, classes))
    return [
        cart
        for group in classes
        for cart in _carts(
            layout,
            [entry.job for entry in group],
            capacity,
            replace(effort, budget_s=effort.budget_s * len(group) / count),
        )
    ]


def _late(
    shift: Shift, by_id: Mapping[str, _Ready], carts: Sequence[Cart], walks_m: Sequence[float]
) -> Iterator[Late]:
    for order_id, packed_s in shift.packed_s(carts, walks_m).items():
        ready_by = by_id[order_id].order.ready_by
        if ready_by is not None and packed_s > shift.seconds_until(ready_by):
            yield Late(order_id, ready_by, shift.start + timedelta(seconds=packed_s))


def _carts(layout: Layout, jobs: Sequence[Job], capacity: Capacity, effort: Effort) -> Sequence[Cart]:
    if layout.block_count <= BLOCKS_MAX:
        return batched(Wish(layout, jobs, capacity), effort).carts
    return batch(Walks.counting(layout, int(effort.budget_s * _EVALUATIONS_PER_S)), jobs, capacity)


def lengths_m(layout: Layout, walks: Sequence[frozenset[Stop]]) -> list[float]:
    """The shortest walk known through each of these sets of stops."""
    if layout.block_count <= BLOCKS_MAX:
        return lengths_in_blocks_m(layout, walks)
    return [walk_m(layout, tuple(stops)) for stops in walks]


def _stops(cart: Cart) -> frozenset[Stop]:
    return frozenset[Stop]().union(*(job.stops for job in cart))


def _urgency(order: WaitingOrder) -> tuple[bool, float, int, datetime, str]:
    """Earliest pickup first, orders without one last; then priority, then arrival."""
    pickup = order.pickup_time.timestamp() if order.pickup_time else 0.0
    return order.pickup_time is None, pickup, -order.priority, order.accept_time, order.order_id


def _sourced(
    layout: Layout, orders: Iterable[WaitingOrder], supply: Supply, capacity: Capacity
) -> tuple[list[_Ready], list[LeftOut]]:
    """Chooses bins for the most urgent orders first."""
    ready: list[_Ready] = []
    left_out: list[LeftOut] = []
    for rank, order in enumerate(orders):
        load = order.load
        if not capacity.holds(load):
            left_out.append(_too_large(order, load, capacity))
            continue
        chosen = choose(layout, Need(order.order_id, order.needs), supply)
        if isinstance(chosen, Missing):
            left_out.append(LeftOut(order.order_id, LeftOutReason.NO_BIN_STOCK, chosen.sku_codes))
            continue
        stops = frozenset(pick.stop for pick in chosen)
        job = Job(order.order_id, stops, replace(load, picks=len(chosen)), rank)
        ready.append(_Ready(order, job, tuple(chosen)))
    return ready, left_out


def _too_large(order: WaitingOrder, load: Load, capacity: Capacity) -> LeftOut:
    measures = capacity.exceeded_by(load)
    return LeftOut(order.order_id, LeftOutReason.LARGER_THAN_CART, measures=measures)


def _wave(
    layout: Layout,
    alone: Mapping[str, float],
    cart: Cart,
    by_id: Mapping[str, _Ready],
) -> PlannedWave:
    """One cart: the walk through its stops, and its picks in that order."""
    stops = tuple(_stops(cart))
    found = route(layout, stops)
    place = {stop: number for number, stop in enumerate(found.stops)}
    tote = {job.order_id: number for number, job in enumerate(cart)}
    picks = [OrderedPick(job.order_id, pick) for job in cart for pick in by_id[job.order_id].picks]
    picks.sort(key=lambda p: (place[p.pick.stop], p.pick.bin_code, p.pick.sku_code, tote[p.order_id]))
    riding = tuple(RidingOrder(job.order_id, alone[job.order_id]) for job in cart)
    pickups = [by_id[job.order_id].order.pickup_time for job in cart]
    return PlannedWave(
        min(filter(None, pickups), default=None),
        riding,
        tuple(picks),
        found.walk_m,
        s_shape_walk_m(layout, stops),
        found.method,
    )


def place_on_the_way(layout: Layout, here: Stop, ahead: Sequence[Stop], new: Stop) -> int:
    """Where among the stops ahead a new one adds least walking: an index into `ahead`, or its length."""
    line = [here, *ahead]
    detours = [
        layout.distance_m(before, new) + layout.distance_m(new, after) - layout.distance_m(before, after)
        for before, after in pairwise(line)
    ]
    last = line[-1]
    detours.append(
        layout.distance_m(last, new) + layout.depot_distance_m(new) - layout.depot_distance_m(last)
    )
    return min(range(len(detours)), key=lambda index: (detours[index], index))
