"""Explain why orders ride together: the walk alone, what each adds to the tour, and to the next best cart."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.explaining import Placed, Ride, Stops, Why, explain
from lumbung_fulfillment.domain.layout import Layout
from lumbung_fulfillment.domain.orders import Order
from lumbung_fulfillment.domain.planner.search import BLOCKS_MAX
from lumbung_fulfillment.domain.planning import lengths_m
from lumbung_fulfillment.domain.waves import Wave, WaveState, WaveTask
from lumbung_fulfillment.stores import couriers, orders, tasks, waves
from lumbung_fulfillment.stores.couriers import Timetable
from lumbung_kit.postgres import Postgres


@dataclass(frozen=True, slots=True)
class OrderExplanation:
    """Why one order rides in a wave. `latest_start_time` is when the wave would have to begin for this order alone."""

    order_id: UUID
    pickup_time: datetime | None
    ready_by_time: datetime | None
    latest_start_time: datetime | None
    alone_walk_m: float
    why: Why
    sentence: str


async def explain_wave(
    postgres: Postgres, stock: Stock, wave_id: UUID
) -> tuple[Wave, list[OrderExplanation]]:
    """By tote position. Raises WaveNotFound."""
    async with postgres.connection() as conn:
        wave = await waves.get(conn, wave_id)
        together = [each for each in await waves.of_plan(conn, wave.plan_id) if _is_compared(each, wave_id)]
        picks = await tasks.of_plan(conn, wave.plan_id)
        order_ids = {order.order_id for each in together for order in each.orders}
        known = {order.order_id: order for order in await orders.get_all(conn, sorted(order_ids))}
        timetable = await couriers.timetable(conn, [wave.warehouse_code])
    layout = (await stock.floor(wave.warehouse_code)).layout
    whys = await asyncio.to_thread(_explained, layout, wave_id, _rides(together, picks, known))
    return wave, [
        _told(wave, known[riding.order_id], riding.alone_walk_m, whys[riding.order_id], timetable)
        for riding in wave.orders
    ]


def _is_compared(wave: Wave, wave_id: UUID) -> bool:
    return wave.wave_id == wave_id or wave.state is not WaveState.CANCELLED


def _rides(together: Sequence[Wave], picks: Sequence[WaveTask], known: dict[UUID, Order]) -> list[Ride]:
    stops: dict[tuple[UUID, UUID], Stops] = defaultdict(Stops)
    for task in picks:
        stops[task.wave_id, task.order_id] |= {task.stop}
    return [
        Ride(
            wave.wave_id,
            {order.order_id: known[order.order_id].pickup_time for order in wave.orders},
            {order.order_id: stops[wave.wave_id, order.order_id] for order in wave.orders},
        )
        for wave in together
    ]


def _explained(layout: Layout, wave_id: UUID, rides: Sequence[Ride]) -> dict[UUID, Why]:
    (own,) = (ride for ride in rides if ride.wave_id == wave_id)
    compared = rides if layout.block_count <= BLOCKS_MAX else ()
    others = [ride for ride in compared if ride.wave_id != wave_id]
    return explain(own, others, lambda walks: lengths_m(layout, walks))


def _told(wave: Wave, order: Order, alone_walk_m: float, why: Why, timetable: Timetable) -> OrderExplanation:
    ready_by = timetable.ready_time(wave.warehouse_code, order.courier_service, order.pickup_time)
    team = timetable.team(wave.warehouse_code)
    latest = team.latest_start(ready_by, wave.task_count, len(wave.orders), wave.walk_m) if ready_by else None
    sentence = (
        f"Order {order.order_reference} adds {why.added_walk_m:.0f} m to this tour; "
        f"alone it would take {alone_walk_m:.0f} m."
    )
    return OrderExplanation(
        order.order_id, order.pickup_time, ready_by, latest, alone_walk_m, why, sentence + _elsewhere(why)
    )


def _elsewhere(why: Why) -> str:
    if why.other_added_walk_m is None:
        return ""
    there = f" On the next best cart of its plan it would add {why.other_added_walk_m:.0f} m"
    return {
        Placed.LEAST_WALK: f"{there}.",
        Placed.OTHER_PICKUP: f"{there}, but that one goes for other pickups.",
        Placed.FULL_OR_UNFOUND: f"{there}: that one had no room for it, or planning had no time to see it.",
    }[why.placed]
