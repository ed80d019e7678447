"""OrderService over gRPC: orders, those at risk, and until when one may order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc

from lumbung.fulfillment.v1 import orders_pb2 as pb
from lumbung.fulfillment.v1 import orders_pb2_grpc as rpc
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import (
    ORDER_STATES,
    duration,
    order_message,
    risk_message,
    timestamp,
)
from lumbung_fulfillment.entrypoints.pages import FIRST, Pages
from lumbung_fulfillment.stores import orders
from lumbung_fulfillment.stores.orders import OrderFilter
from lumbung_fulfillment.usecases.hold_order import hold_order
from lumbung_fulfillment.usecases.list_orders_at_risk import list_orders_at_risk
from lumbung_fulfillment.usecases.promise_cut_off import promise_cut_off
from lumbung_fulfillment.usecases.resume_order import resume_order
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

AT_RISK_MAX = 200
SLACK_S_DEFAULT, SLACK_S_MAX = 3_600, 7 * 86_400
LINES_MAX = 100
REASON_LENGTH_MAX = 200
_STATES = {number: state for state, number in ORDER_STATES.items()}

Context = grpc.aio.ServicerContext[Any, Any]


class OrderServicer(rpc.OrderServiceServicer):
    """Reads, holds and resumes; orders come from stock's events alone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.GetOrderResponse:
        """One order."""
        check = Check()
        order_id = check.uuid("order_id", request.order_id)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetOrderResponse(order=order_message(await orders.get(conn, order_id)))

    async def ListOrders(self, request: pb.ListOrdersRequest, context: Context) -> pb.ListOrdersResponse:
        """A page of orders, oldest first."""
        check = Check()
        narrowed = OrderFilter(
            warehouse_code=checks.optional_code(check, "warehouse_code", request.warehouse_code),
            states=checks.states(check, "states", request.states, pb.OrderState, _STATES, maximum=10),
            reservation_id=checks.optional_uuid(check, "reservation_id", request.reservation_id),
            channel_code=checks.optional_code(check, "channel_code", request.channel_code),
            order_reference=check.text(
                "order_reference", request.order_reference, max_length=64, required=False
            ),
            wave_id=checks.optional_uuid(check, "wave_id", request.wave_id),
        )
        pages = Pages(check, request.page_size, request.page_token, ["orders", narrowed])
        after = pages.place(FIRST)
        check.done()
        async with self._desk.reading() as conn:
            found = await orders.page(conn, narrowed, after, pages.limit)
        page, token = pages.cut(found, lambda order: (order.accept_time, order.order_id))
        return pb.ListOrdersResponse(orders=map(order_message, page), next_page_token=token)

    async def ListOrdersAtRisk(
        self, request: pb.ListOrdersAtRiskRequest, context: Context
    ) -> pb.ListOrdersAtRiskResponse:
        """Orders that may miss their courier."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        slack_s = check.span_s(
            "slack_below",
            request.slack_below,
            minimum_s=0,
            maximum_s=SLACK_S_MAX,
            default_s=SLACK_S_DEFAULT,
        )
        check.done()
        async with self._desk.reading() as conn:
            risky, read_time = await list_orders_at_risk(
                conn, warehouse_code, timedelta(seconds=slack_s), AT_RISK_MAX
            )
        return pb.ListOrdersAtRiskResponse(orders=map(risk_message, risky), read_time=timestamp(read_time))

    async def HoldOrder(self, request: pb.HoldOrderRequest, context: Context) -> pb.HoldOrderResponse:
        """Stops an order where it stands."""
        check = Check()
        check.request_id(request.request_id)
        order_id = check.uuid("order_id", request.order_id)
        reason = check.text("reason", request.reason, max_length=REASON_LENGTH_MAX)
        check.done()

        async def work(conn: Conn) -> pb.HoldOrderResponse:
            return pb.HoldOrderResponse(order=order_message(await hold_order(conn, order_id, reason)))

        return await self._desk.once("HoldOrder", request, pb.HoldOrderResponse, work)

    async def ResumeOrder(self, request: pb.ResumeOrderRequest, context: Context) -> pb.ResumeOrderResponse:
        """Lets a held order go on."""
        check = Check()
        check.request_id(request.request_id)
        order_id = check.uuid("order_id", request.order_id)
        check.done()

        async def work(conn: Conn) -> pb.ResumeOrderResponse:
            return pb.ResumeOrderResponse(order=order_message(await resume_order(conn, order_id)))

        return await self._desk.once("ResumeOrder", request, pb.ResumeOrderResponse, work)

    async def PromiseCutOff(
        self, request: pb.PromiseCutOffRequest, context: Context
    ) -> pb.PromiseCutOffResponse:
        """Until when one may order for which pickup."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        courier_service = checks.optional_code(check, "courier_service", request.courier_service)
        lines = check.whole("line_count", request.line_count, minimum=0, maximum=LINES_MAX) or 1
        check.done()
        async with self._desk.reading() as conn:
            cut_off = await promise_cut_off(conn, warehouse_code, courier_service, lines)
        return pb.PromiseCutOffResponse(
            pickup_time=timestamp(cut_off.pickup_time),
            order_before_time=timestamp(cut_off.order_before_time),
            ships_today=cut_off.ships_today,
            courier_service=cut_off.courier_service,
            backlog_work=duration(cut_off.backlog_work),
            read_time=timestamp(cut_off.read_time),
        )
