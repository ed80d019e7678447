"""ChannelOrderService: what channels sold, and what waits for a person."""

from __future__ import annotations

import grpc

from lumbung.channel_sync.v1 import channel_orders_pb2 as pb
from lumbung.channel_sync.v1 import channel_orders_pb2_grpc as rpc
from lumbung_channel_sync import wire
from lumbung_channel_sync.domain.failures import ChannelOrderNotFound
from lumbung_channel_sync.domain.orders import OrderState
from lumbung_channel_sync.entrypoints import requests
from lumbung_channel_sync.entrypoints.channel_service import Mutations
from lumbung_channel_sync.stores import inbox, orders
from lumbung_channel_sync.stores.orders import OrderFilter, OrderKey
from lumbung_channel_sync.usecases.ask_to_cancel import ask_to_cancel, await_cancelled
from lumbung_channel_sync.usecases.settle_dead_letter import discard_dead_letter, replay_dead_letter
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

REASON_MAX = 200


class ChannelOrderService(rpc.ChannelOrderServiceServicer):
    """Channel orders over gRPC."""

    def __init__(self, mutations: Mutations) -> None:
        self._mutations = mutations
        self._postgres = mutations.postgres

    async def GetChannelOrder(
        self,
        request: pb.GetChannelOrderRequest,
        context: grpc.aio.ServicerContext[pb.GetChannelOrderRequest, pb.GetChannelOrderResponse],
    ) -> pb.GetChannelOrderResponse:
        """One order."""
        check = Check()
        key = OrderKey(
            requests.channel_code(check, request.channel_code), requests.order_ref(check, request.order_ref)
        )
        check.done()
        async with self._postgres.connection() as conn:
            found = await orders.get(conn, key)
        if found is None:
            raise ChannelOrderNotFound(metadata=key._asdict())
        return pb.GetChannelOrderResponse(order=wire.order(found))

    async def ListChannelOrders(
        self,
        request: pb.ListChannelOrdersRequest,
        context: grpc.aio.ServicerContext[pb.ListChannelOrdersRequest, pb.ListChannelOrdersResponse],
    ) -> pb.ListChannelOrdersResponse:
        """Orders, newest first."""
        check = Check()
        size = check.page_size(request.page_size, default=50, maximum=200)
        before = requests.number_token(check, request.page_token)
        wanted = OrderFilter(
            channel_code=requests.channel_code(check, request.channel_code, required=False),
            state=_state(check, request.state),
            reservation_id=check.uuid("reservation_id", request.reservation_id)
            if request.reservation_id
            else None,
        )
        check.done()
        async with self._postgres.connection() as conn:
            found = await orders.list_page(conn, before, size + 1, wanted)
        return pb.ListChannelOrdersResponse(
            orders=[wire.order(order) for _, order in found[:size]],
            next_page_token=requests.next_token(found[size - 1][0]) if len(found) > size else "",
        )

    async def CancelChannelOrder(
        self,
        request: pb.CancelChannelOrderRequest,
        context: grpc.aio.ServicerContext[pb.CancelChannelOrderRequest, pb.CancelChannelOrderResponse],
    ) -> pb.CancelChannelOrderResponse:
        """The seller cancels."""
        check = Check()
        check.request_id(request.request_id)
        key = OrderKey(
            requests.channel_code(check, request.channel_code), requests.order_ref(check, request.order_ref)
        )
        reason = check.text("reason", request.reason, max_length=REASON_MAX)
        check.done()

        async def work(conn: Conn) -> pb.CancelChannelOrderResponse:
            return pb.CancelChannelOrderResponse(order=wire.order(await ask_to_cancel(conn, key, reason)))

        await self._mutations.once("CancelChannelOrder", request, pb.CancelChannelOrderResponse, work)
        self._mutations.bells.settled()
        cancelled = await await_cancelled(self._postgres, key)
        return pb.CancelChannelOrderResponse(order=wire.order(cancelled))

    async def ListExpectedReturns(
        self,
        request: pb.ListExpectedReturnsRequest,
        context: grpc.aio.ServicerContext[pb.ListExpectedReturnsRequest, pb.ListExpectedReturnsResponse],
    ) -> pb.ListExpectedReturnsResponse:
        """Expected returns, newest first."""
        check = Check()
        size = check.page_size(request.page_size, default=50, maximum=200)
        before = requests.number_token(check, request.page_token)
        code = requests.channel_code(check, request.channel_code, required=False)
        check.done()
        async with self._postgres.connection() as conn:
            found = await orders.list_returns(conn, before, size + 1, channel_code=code)
        return pb.ListExpectedReturnsResponse(
            returns=[wire.expected_return(one) for one in found[:size]],
            next_page_token=requests.next_token(found[size - 1].expected_return_id)
            if len(found) > size
            else "",
        )

    async def ListDeadLetters(
        self,
        request: pb.ListDeadLettersRequest,
        context: grpc.aio.ServicerContext[pb.ListDeadLettersRequest, pb.ListDeadLettersResponse],
    ) -> pb.ListDeadLettersResponse:
        """What waits for a person, oldest first."""
        check = Check()
        size = check.page_size(request.page_size, default=50, maximum=200)
        after = requests.number_token(check, request.page_token)
        code = requests.channel_code(check, request.channel_code, required=False)
        check.done()
        async with self._postgres.connection() as conn:
            found = await inbox.list_dead_letters(conn, after, size + 1, code)
        return pb.ListDeadLettersResponse(
            dead_letters=[wire.dead_letter(one) for one in found[:size]],
            next_page_token=requests.next_token(found[size - 1].dead_letter_id) if len(found) > size else "",
        )

    async def ReplayDeadLetter(
        self,
        request: pb.ReplayDeadLetterRequest,
        context: grpc.aio.ServicerContext[pb.ReplayDeadLetterRequest, pb.ReplayDeadLetterResponse],
    ) -> pb.ReplayDeadLetterResponse:
        """Tries a dead letter again."""
        check = Check()
        check.request_id(request.request_id)
        number = check.whole("dead_letter_id", request.dead_letter_id, minimum=1, maximum=2**63 - 1)
        check.done()

        async def work(conn: Conn) -> pb.ReplayDeadLetterResponse:
            await replay_dead_letter(conn, number)
            return pb.ReplayDeadLetterResponse()

        response = await self._mutations.once("ReplayDeadLetter", request, pb.ReplayDeadLetterResponse, work)
        self._mutations.bells.settled()
        return response

    async def DiscardDeadLetter(
        self,
        request: pb.DiscardDeadLetterRequest,
        context: grpc.aio.ServicerContext[pb.DiscardDeadLetterRequest, pb.DiscardDeadLetterResponse],
    ) -> pb.DiscardDeadLetterResponse:
        """Gives a dead letter up."""
        check = Check()
        check.request_id(request.request_id)
        number = check.whole("dead_letter_id", request.dead_letter_id, minimum=1, maximum=2**63 - 1)
        reason = check.text("reason", request.reason, max_length=REASON_MAX)
        check.done()

        async def work(conn: Conn) -> pb.DiscardDeadLetterResponse:
            await discard_dead_letter(conn, number, reason)
            return pb.DiscardDeadLetterResponse()

        response = await self._mutations.once(
            "DiscardDeadLetter", request, pb.DiscardDeadLetterResponse, work
        )
        self._mutations.bells.settled()
        return response


def _state(check: Check, value: pb.ChannelOrderState.ValueType) -> OrderState | None:
    if value == pb.CHANNEL_ORDER_STATE_UNSPECIFIED:
        return None
    check.choice("state", value, pb.ChannelOrderState)
    if value not in pb.ChannelOrderState.values():
        return None
    return OrderState(pb.ChannelOrderState.Name(value).removeprefix("CHANNEL_ORDER_STATE_"))
