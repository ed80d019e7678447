"""Explain why orders ride together: the walk alone, and what each adds to the tour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.routing import walk_m
from lumbung_fulfillment.domain.waves import Wave
from lumbung_fulfillment.stores import orders, tasks, waves
from lumbung_kit.postgres import Postgres


@dataclass(frozen=True, slots=True)
class OrderExplanation:
    """Why one order rides in a wave."""

    order_id: UUID
    pickup_time: datetime | None
    alone_walk_m: float
    added_walk_m: float
    sentence: str


async def explain_wave(
    postgres: Postgres, stock: Stock, wave_id: UUID
) -> tuple[Wave, list[OrderExplanation]]:
    """By tote position. Raises WaveNotFound."""
    async with postgres.connection() as conn:
        wave = await waves.get(conn, wave_id)
        picks = await tasks.of_wave(conn, wave_id)
        known = {o.order_id: o for o in await orders.get_all(conn, [r.order_id for r in wave.orders])}
    layout = (await stock.floor(wave.warehouse_code)).layout
    whole = walk_m(layout, [task.stop for task in picks])
    explained = []
    for riding in wave.orders:
        rest = [task.stop for task in picks if task.order_id != riding.order_id]
        added = whole - walk_m(layout, rest)
        sentence = (
            f"Order {known[riding.order_id].order_reference} adds {added:.0f} m to this tour; "
            f"alone it would take {riding.alone_walk_m:.0f} m."
        )
        explained.append(
            OrderExplanation(
                riding.order_id, known[riding.order_id].pickup_time, riding.alone_walk_m, added, sentence
            )
        )
    return wave, explained
