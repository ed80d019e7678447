"""WaveService over gRPC: planning, reading, explaining and taking apart."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from lumbung.fulfillment.v1 import waves_pb2 as pb
from lumbung.fulfillment.v1 import waves_pb2_grpc as rpc
from lumbung_fulfillment.clients.sizes import Sizes
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.cart import Capacity
from lumbung_fulfillment.domain.failures import PlanContended
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import (
    PLACEMENTS,
    WAVE_STATES,
    late_order_message,
    left_out_message,
    plan_message,
    timestamp,
    wave_message,
)
from lumbung_fulfillment.entrypoints.pages import LAST, Pages
from lumbung_fulfillment.stores import tasks, waves
from lumbung_fulfillment.stores.waves import WaveFilter
from lumbung_fulfillment.usecases.cancel_wave import cancel_wave
from lumbung_fulfillment.usecases.explain_wave import explain_wave
from lumbung_fulfillment.usecases.plan_waves import (
    PlanSources,
    PlanWish,
    Proposal,
    StaleProposalError,
    commit_plan,
    propose_waves,
)
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

BUDGET_S_DEFAULT, BUDGET_S_MAX = 1.0, 10.0
WAVES_MAX = 500
ATTEMPTS_MAX = 4
RETRY_AFTER_S = 0.5
UNITS_MAX, TOTES_MAX, WEIGHT_G_MAX, VOLUME_ML_MAX = 100_000, 200, 2_000_000, 10_000_000
_STATES = {number: state for state, number in WAVE_STATES.items()}

Context = grpc.aio.ServicerContext[Any, Any]


class WaveServicer(rpc.WaveServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, desk: Desk, stock: Stock, sizes: Sizes) -> None:
        self._desk = desk
        self._stock = stock
        self._sources = PlanSources(desk.postgres, stock, sizes)
        # One plan at a time: planners of one process would only get in each other's way.
        self._turn = asyncio.Lock()

    async def PlanWaves(self, request: pb.PlanWavesRequest, context: Context) -> pb.PlanWavesResponse:
        """Plans until a proposal can take effect: others may change the queue meanwhile."""
        check = Check()
        check.request_id(request.request_id)
        wish = _plan_wish(check, request)
        check.done()
        async with self._turn:
            for _ in range(ATTEMPTS_MAX):
                proposal = await propose_waves(self._sources, wish)
                try:
                    return await self._commit(request, proposal)
                except StaleProposalError:
                    continue
        raise PlanContended(retry_after_s=RETRY_AFTER_S)

    async def GetPlan(self, request: pb.GetPlanRequest, context: Context) -> pb.GetPlanResponse:
        """One plan's totals."""
        check = Check()
        plan_id = check.uuid("plan_id", request.plan_id)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetPlanResponse(plan=plan_message(await waves.get_plan(conn, plan_id)))

    async def GetWave(self, request: pb.GetWaveRequest, context: Context) -> pb.GetWaveResponse:
        """One wave with its tasks."""
        check = Check()
        wave_id = check.uuid("wave_id", request.wave_id)
        check.done()
        async with self._desk.reading() as conn:
            wave = await waves.get(conn, wave_id)
            return pb.GetWaveResponse(wave=wave_message(wave, await tasks.of_wave(conn, wave_id)))

    async def ListWaves(self, request: pb.ListWavesRequest, context: Context) -> pb.ListWavesResponse:
        """A page of waves, newest first."""
        check = Check()
        narrowed = WaveFilter(
            warehouse_code=checks.optional_code(check, "warehouse_code", request.warehouse_code),
            states=checks.states(check, "states", request.states, pb.WaveState, _STATES, maximum=5),
            plan_id=checks.optional_uuid(check, "plan_id", request.plan_id),
        )
        pages = Pages(check, request.page_size, request.page_token, ["waves", narrowed])
        before = pages.place(LAST)
        check.done()
        async with self._desk.reading() as conn:
            found = await waves.page(conn, narrowed, before, pages.limit)
        page, token = pages.cut(found, lambda wave: (wave.plan_time, wave.wave_id))
        return pb.ListWavesResponse(waves=map(wave_message, page), next_page_token=token)

    async def ExplainWave(self, request: pb.ExplainWaveRequest, context: Context) -> pb.ExplainWaveResponse:
        """Why its orders ride together."""
        check = Check()
        wave_id = check.uuid("wave_id", request.wave_id)
        check.done()
        wave, explained = await explain_wave(self._desk.postgres, self._stock, wave_id)
        return pb.ExplainWaveResponse(
            wave=wave_message(wave),
            orders=[
                pb.OrderExplanation(
                    order_id=str(each.order_id),
                    pickup_time=timestamp(each.pickup_time),
                    alone_walk_m=each.alone_walk_m,
                    added_walk_m=each.why.added_walk_m,
                    sentence=each.sentence,
                    ready_by_time=timestamp(each.ready_by_time),
                    latest_start_time=timestamp(each.latest_start_time),
                    placement=PLACEMENTS[each.why.placed],
                    other_wave_id=str(each.why.other_wave_id or ""),
                    other_added_walk_m=each.why.other_added_walk_m or 0.0,
                )
                for each in explained
            ],
        )

    async def CancelWave(self, request: pb.CancelWaveRequest, context: Context) -> pb.CancelWaveResponse:
        """Takes a wave apart."""
        check = Check()
        check.request_id(request.request_id)
        wave_id = check.uuid("wave_id", request.wave_id)
        reason = check.text("reason", request.reason, max_length=200)
        check.done()

        async def work(conn: Conn) -> pb.CancelWaveResponse:
            return pb.CancelWaveResponse(wave=wave_message(await cancel_wave(conn, wave_id, reason)))

        return await self._desk.once("CancelWave", request, pb.CancelWaveResponse, work)

    async def _commit(self, request: pb.PlanWavesRequest, proposal: Proposal) -> pb.PlanWavesResponse:
        plan_id = proposal.totals.plan_id

        async def work(conn: Conn) -> pb.PlanWavesResponse:
            await commit_plan(conn, proposal)
            return pb.PlanWavesResponse(
                plan=plan_message(await waves.get_plan(conn, plan_id)),
                waves=map(wave_message, await waves.of_plan(conn, plan_id)),
                left_out=map(left_out_message, proposal.left_out),
                more_waiting=proposal.more_waiting,
                unsized_sku_codes=proposal.unsized_sku_codes,
                late_orders=map(late_order_message, proposal.late),
            )

        return await self._desk.once("PlanWaves", request, pb.PlanWavesResponse, work)


def _plan_wish(check: Check, request: pb.PlanWavesRequest) -> PlanWish:
    budget_s = check.span_s(
        "budget", request.budget, minimum_s=0, maximum_s=BUDGET_S_MAX, default_s=BUDGET_S_DEFAULT
    )
    return PlanWish(
        check.code("warehouse_code", request.warehouse_code),
        cart_capacity(check, request.cart) if request.HasField("cart") else Capacity(),
        checks.optional_moment(check, request, "pickup_until_time"),
        budget_s,
        check.whole("max_waves", request.max_waves, minimum=0, maximum=WAVES_MAX) or WAVES_MAX,
    )


def cart_capacity(check: Check, cart: pb.CartCapacity) -> Capacity:
    """What a request says that a cart carries."""
    return Capacity(
        check.whole("cart.units", cart.units, minimum=0, maximum=UNITS_MAX),
        check.whole("cart.totes", cart.totes, minimum=0, maximum=TOTES_MAX),
        check.whole("cart.weight_g", cart.weight_g, minimum=0, maximum=WEIGHT_G_MAX),
        check.whole("cart.volume_ml", cart.volume_ml, minimum=0, maximum=VOLUME_ML_MAX),
    )
