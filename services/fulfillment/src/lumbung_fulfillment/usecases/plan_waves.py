"""Plan waves for the waiting orders of a warehouse.

Reading and computing have no effect (`propose_waves`); the proposal takes effect in one transaction
(`commit_plan`), and only if nobody else has promised units of this warehouse's bins, or changed these orders,
since it was begun.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.clients.sizes import Sizes
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.cart import Capacity
from lumbung_fulfillment.domain.merging import Shift
from lumbung_fulfillment.domain.orders import WAITING, Order
from lumbung_fulfillment.domain.planner.search import Effort
from lumbung_fulfillment.domain.planning import Late, LeftOut, Planned, PlannedWave, WaitingOrder, plan
from lumbung_fulfillment.domain.waves import PlanTotals, WaveOrder
from lumbung_fulfillment.domain.weights import SkuSize, bulk_of
from lumbung_fulfillment.stores import clock, couriers, journal, orders, tasks, waves
from lumbung_fulfillment.stores.couriers import Timetable
from lumbung_fulfillment.stores.tasks import NewTask
from lumbung_fulfillment.stores.waves import NewWave, PromiseTurn
from lumbung_fulfillment.usecases.look_at_stock import look_at_stock, supply_of
from lumbung_fulfillment.usecases.roll_missed_pickups import roll_missed_pickups
from lumbung_kit import telemetry
from lumbung_kit.ids import new_id
from lumbung_kit.postgres import Conn, Postgres

ORDERS_MAX = 2_000
UNSIZED_NAMED_MAX = 100

_plan_seconds = telemetry.histogram("plan_duration_seconds", "Time to compute a plan")


@dataclass(frozen=True, slots=True)
class PlanSources:
    """Where a plan's figures come from."""

    postgres: Postgres
    stock: Stock
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class PlanWish:
    """What is asked for."""

    warehouse_code: str
    capacity: Capacity
    pickup_until: datetime | None
    budget_s: float
    waves_max: int
    orders_max: int = ORDERS_MAX


@dataclass(frozen=True, slots=True)
class Proposal:
    """Waves that could be; nothing of it has happened yet. `unsized_sku_codes` are those of which the catalog has no
    figure that the cart is limited by: they count by units only. At most 100 are named."""

    turn: PromiseTurn
    totals: PlanTotals
    waves: tuple[NewWave, ...]
    tasks: tuple[NewTask, ...]
    left_out: tuple[LeftOut, ...]
    more_waiting: bool
    unsized_sku_codes: tuple[str, ...]
    late: tuple[Late, ...]


class StaleProposalError(Exception):
    """Somebody else was faster; propose again."""


async def propose_waves(sources: PlanSources, wish: PlanWish) -> Proposal:
    """Reads the queue, the bins and, for a cart with a limit of weight or volume, what the goods weigh and take in
    room; and computes. Raises WarehouseNotFound, LayoutUnusable."""
    postgres, stock = sources.postgres, sources.stock
    async with postgres.transaction() as conn:
        await roll_missed_pickups(conn, wish.warehouse_code)
        waiting = await orders.waiting(conn, wish.warehouse_code, wish.pickup_until, wish.orders_max + 1)
        timetable = await couriers.timetable(conn, [wish.warehouse_code])
        now = await clock.now(conn)
    queue = waiting[: wish.orders_max]
    sku_codes = sorted({line.sku_code for order in queue for line in order.lines})
    sight = await look_at_stock(postgres, stock, wish.warehouse_code, sku_codes)
    sizes = await sources.sizes.of(sku_codes) if wish.capacity.needs_sizes else {}
    async with postgres.connection() as conn:
        supply = await supply_of(conn, sight, sku_codes)
    started = time.perf_counter()
    planned = await asyncio.to_thread(
        plan,
        sight.floor.layout,
        [_waiting_order(order, sizes, timetable) for order in queue],
        supply,
        wish.capacity,
        Effort(wish.budget_s),
        _shift(timetable, wish.warehouse_code, now),
    )
    elapsed_s = time.perf_counter() - started
    _plan_seconds.observe(elapsed_s)
    more = len(waiting) > wish.orders_max or len(planned.waves) > wish.waves_max
    unsized = _unsized(wish.capacity, sku_codes, sizes)
    return _Draft(wish, timetable, {str(order.order_id): order for order in queue}, unsized).proposal(
        sight.turn, planned, elapsed_s, more
    )


async def commit_plan(conn: Conn, proposal: Proposal) -> None:
    """Makes it happen. Raises StaleProposalError."""
    totals = proposal.totals
    if not await waves.take_promise(conn, totals.warehouse_code, proposal.turn.revision):
        raise StaleProposalError
    await waves.insert_plan(conn, totals)
    if not proposal.waves:
        return
    places = [
        (order.order_id, wave.wave_id, order.tote_position)
        for wave in proposal.waves
        for order in wave.orders
    ]
    await orders.lock_all(conn, [order_id for order_id, _, _ in places])
    await waves.insert_waves(conn, totals.plan_id, totals.warehouse_code, proposal.waves)
    if len(await orders.ride(conn, places, WAITING)) < len(places):
        raise StaleProposalError
    await tasks.insert(conn, totals.warehouse_code, proposal.tasks)
    await journal.waves_planned(conn, totals.plan_id, totals.warehouse_code, proposal.waves)


def _shift(timetable: Timetable, warehouse_code: str, now: datetime) -> Shift:
    """Orders of several pickups share carts only where the team's rates are known: it hangs on them who is late."""
    return Shift(timetable.team(warehouse_code), now, may_merge=timetable.has_team(warehouse_code))


def _waiting_order(order: Order, sizes: Mapping[str, SkuSize], timetable: Timetable) -> WaitingOrder:
    needs = {line.sku_code: line.open_quantity for line in order.lines if line.open_quantity}
    bulk = bulk_of(needs, sizes)
    return WaitingOrder(
        str(order.order_id),
        needs,
        order.pickup_time,
        order.priority,
        order.accept_time,
        bulk.weight_g,
        bulk.volume_ml,
        timetable.ready_time(order.warehouse_code, order.courier_service, order.pickup_time),
    )


def _unsized(capacity: Capacity, sku_codes: Sequence[str], sizes: Mapping[str, SkuSize]) -> tuple[str, ...]:
    """SKUs of which a figure is not known that the cart is limited by."""
    unknown = SkuSize(0, 0)

    def lacks(size: SkuSize) -> bool:
        return bool((capacity.weight_g and not size.weight_g) or (capacity.volume_ml and not size.volume_ml))

    return tuple(code for code in sku_codes if lacks(sizes.get(code, unknown)))[:UNSIZED_NAMED_MAX]


@dataclass(frozen=True, slots=True)
class _Draft:
    """Turns what the planner found into rows to store."""

    wish: PlanWish
    timetable: Timetable
    queue: dict[str, Order]
    unsized_sku_codes: tuple[str, ...]

    def proposal(self, turn: PromiseTurn, planned: Planned, elapsed_s: float, more: bool) -> Proposal:
        kept = planned.waves[: self.wish.waves_max]
        made = [(new_id(), wave) for wave in kept]
        return Proposal(
            turn,
            self._totals(planned, kept, elapsed_s),
            tuple(self._wave(wave_id, wave) for wave_id, wave in made),
            tuple(task for wave_id, wave in made for task in _tasks(wave_id, wave)),
            planned.left_out,
            more,
            self.unsized_sku_codes,
            planned.late,
        )

    def _totals(self, planned: Planned, kept: Sequence[PlannedWave], elapsed_s: float) -> PlanTotals:
        return PlanTotals(
            plan_id=new_id(),
            warehouse_code=self.wish.warehouse_code,
            wave_count=len(kept),
            order_count=sum(len(wave.orders) for wave in kept),
            task_count=sum(len(wave.picks) for wave in kept),
            walk_m=sum(wave.walk_m for wave in kept),
            order_by_order_walk_m=sum(wave.order_by_order_walk_m for wave in kept),
            first_come_s_shape_walk_m=planned.first_come_s_shape_walk_m,
            first_come_walk_m=planned.first_come_walk_m,
            plan_duration_s=elapsed_s,
        )

    def _wave(self, wave_id: UUID, wave: PlannedWave) -> NewWave:
        riding = [self.queue[order.order_id] for order in wave.orders]
        return NewWave(
            wave_id=wave_id,
            pickup_time=wave.pickup_time,
            courier_services=tuple(
                sorted({order.courier_service for order in riding if order.courier_service})
            ),
            latest_start_time=self._latest_start(wave, riding),
            task_count=len(wave.picks),
            unit_count=sum(picked.pick.quantity for picked in wave.picks),
            walk_m=wave.walk_m,
            order_by_order_walk_m=wave.order_by_order_walk_m,
            s_shape_walk_m=wave.s_shape_walk_m,
            routing_method=wave.method,
            orders=tuple(
                WaveOrder(UUID(order.order_id), tote, order.alone_walk_m)
                for tote, order in enumerate(wave.orders, start=1)
            ),
        )

    def _latest_start(self, wave: PlannedWave, riding: Sequence[Order]) -> datetime | None:
        """When picking must begin so that the most urgent courier does not wait."""
        warehouse_code = self.wish.warehouse_code
        ready = [
            moment
            for order in riding
            if (moment := self.timetable.ready_time(warehouse_code, order.courier_service, order.pickup_time))
        ]
        if not ready:
            return None
        team = self.timetable.team(warehouse_code)
        return team.latest_start(min(ready), len(wave.picks), len(wave.orders), wave.walk_m)


def _tasks(wave_id: UUID, wave: PlannedWave) -> list[NewTask]:
    return [
        NewTask(new_id(), wave_id, UUID(ordered.order_id), sequence, ordered.pick)
        for sequence, ordered in enumerate(wave.picks, start=1)
    ]
