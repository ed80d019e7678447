"""Act 3: orders become waves, each a walk through the bins."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from lumbung.fulfillment.v1 import orders_pb2, waves_pb2
from lumbung_dev.demo.diary import Ending
from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import eventually, pages, patiently
from lumbung_dev.local.services import Services
from lumbung_dev.shop import warehouse
from lumbung_dev.shop.stocking import bins_of

_ARRIVE_S_MAX = 60.0
_PLANNING_S = 1
_CALL_S_MAX = 30.0
_MARKETPLACE_ORDERS_WANTED = 3
"""One is cancelled, one comes back, one is left alone."""
_QUIET_PICKS = 2
"""Nothing goes short before these are done."""


@dataclass(frozen=True, slots=True)
class Waves:
    """The plan, and the wave that the spectator follows."""

    plan: waves_pb2.Plan
    left_out: int
    followed: waves_pb2.Wave


async def plan_the_waves(play: Play) -> Waves:
    """Waits until fulfillment has every order that a buyer was promised, and plans them all."""
    orders = await _all_orders(play)
    request = waves_pb2.PlanWavesRequest(
        request_id=f"{play.run}:plan", warehouse_code=warehouse.CODE, budget=Duration(seconds=_PLANNING_S)
    )
    answer = await patiently(play.staff.waves.PlanWaves, request, call_s=_CALL_S_MAX)
    plan = answer.plan
    play.stage.say(
        f"{plan.order_count} orders ride in {plan.wave_count} waves with {plan.task_count} picks: "
        f"{plan.walk_m / 1000:.1f} km in all, {plan.order_by_order_walk_m / 1000:.1f} km order by order"
    )
    from_marketplaces = {order.order_id for order in orders if order.channel_code in play.shops}
    details = [await _detail(play.staff, wave) for wave in answer.waves]
    followed = max(details, key=lambda wave: _worth_following(wave, from_marketplaces))
    return Waves(plan, len(answer.left_out), followed)


async def _all_orders(play: Play) -> list[orders_pb2.Order]:
    sold = {page.reservation_id for page in play.diary.ended(Ending.SOLD)}

    async def all_arrived() -> list[orders_pb2.Order] | None:
        orders = await list_orders(play.staff)
        return orders if sold <= {order.reservation_id for order in orders} else None

    return await eventually(
        all_arrived, f"fulfillment has all {len(sold)} orders", within_s=_ARRIVE_S_MAX, every_s=0.3
    )


async def list_orders(services: Services, **only: object) -> list[orders_pb2.Order]:
    """The warehouse's orders, narrowed by the filters of the call."""
    request = orders_pb2.ListOrdersRequest(page_size=200, warehouse_code=warehouse.CODE, **only)  # type: ignore[arg-type]
    return [order async for page in pages(services.orders.ListOrders, request) for order in page.orders]


async def _detail(services: Services, wave: waves_pb2.Wave) -> waves_pb2.Wave:
    request = waves_pb2.GetWaveRequest(wave_id=wave.wave_id)
    return (await patiently(services.waves.GetWave, request)).wave


def _worth_following(wave: waves_pb2.Wave, from_marketplaces: set[str]) -> tuple[bool, int, int]:
    """A short pick can be helped out from another bin, marketplaces' buyers can cancel and return, a long walk."""
    helped = any(len(bins_of(task.sku_code)) > 1 for task in wave.tasks[_QUIET_PICKS:])
    theirs = sum(order.order_id in from_marketplaces for order in wave.orders)
    return helped, min(theirs, _MARKETPLACE_ORDERS_WANTED), len({task.bin_code for task in wave.tasks})
