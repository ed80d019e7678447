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
_LOOKED_AT_MAX = 40


@dataclass(frozen=True, slots=True)
class Waves:
    """The plan, and the wave that the spectator follows."""

    plan: waves_pb2.Plan
    left_out: int
    followed: waves_pb2.Wave


async def plan_the_waves(play: Play) -> Waves:
    """Waits until fulfillment has every order that a buyer was promised, and plans them all."""
    sold = {page.reservation_id for page in play.diary.ended(Ending.SOLD)}

    async def all_arrived() -> bool:
        return sold <= {order.reservation_id for order in await list_orders(play.staff)}

    await eventually(
        all_arrived, f"fulfillment has all {len(sold)} orders", within_s=_ARRIVE_S_MAX, every_s=0.3
    )
    request = waves_pb2.PlanWavesRequest(
        request_id=f"{play.run}:plan", warehouse_code=warehouse.CODE, budget=Duration(seconds=_PLANNING_S)
    )
    answer = await patiently(play.staff.waves.PlanWaves, request)
    plan = answer.plan
    play.stage.say(
        f"{plan.order_count} orders ride in {plan.wave_count} waves with {plan.task_count} picks: "
        f"{plan.walk_m / 1000:.1f} km in all, {plan.order_by_order_walk_m / 1000:.1f} km order by order"
    )
    details = [await _detail(play.staff, wave) for wave in answer.waves[:_LOOKED_AT_MAX]]
    return Waves(plan, len(answer.left_out), max(details, key=_worth_following))


async def list_orders(services: Services, **only: object) -> list[orders_pb2.Order]:
    """The warehouse's orders, narrowed by the filters of the call."""
    request = orders_pb2.ListOrdersRequest(page_size=200, warehouse_code=warehouse.CODE, **only)  # type: ignore[arg-type]
    return [order async for page in pages(services.orders.ListOrders, request) for order in page.orders]


async def _detail(services: Services, wave: waves_pb2.Wave) -> waves_pb2.Wave:
    request = waves_pb2.GetWaveRequest(wave_id=wave.wave_id)
    return (await patiently(services.waves.GetWave, request)).wave


def _worth_following(wave: waves_pb2.Wave) -> tuple[bool, int]:
    """The longest walk of those in which a short pick can be helped out from another bin."""
    helped = any(len(bins_of(task.sku_code)) > 1 for task in wave.tasks)
    return helped and len(wave.orders) > 2, len({task.bin_code for task in wave.tasks})
