"""Waiting for one's turn: against a server that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from lumbung.stock.v1 import flash_sales_pb2 as sales_pb
from lumbung.stock.v1 import flash_sales_pb2_grpc, reservations_pb2_grpc
from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_client import DeadlineExceeded, InWaitingRoom, LumbungClient, Options, reserve_request

NOT_NEEDED, WAITING, ADMITTED, SOLD_OUT, USED, LAPSED = range(1, 7)


@dataclass
class Sales(flash_sales_pb2_grpc.FlashSaleServiceServicer):
    """A room that answers with the script's states, one a call, and then with the last one again."""

    states: list[int] = field(default_factory=lambda: [ADMITTED])
    wait_s: float = 0.001
    joins: list[sales_pb.JoinWaitingRoomRequest] = field(default_factory=list)

    async def JoinWaitingRoom(  # noqa: N802
        self,
        request: sales_pb.JoinWaitingRoomRequest,
        context: Any,  # noqa: ARG002
    ) -> sales_pb.JoinWaitingRoomResponse:
        self.joins.append(request)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        place = sales_pb.JoinWaitingRoomResponse(state=state, ticket="ticket" if state > 1 else "")  # type: ignore[arg-type]
        place.wait.FromNanoseconds(int(self.wait_s * 1e9))
        return place


@dataclass
class Reservations(reservations_pb2_grpc.ReservationServiceServicer):
    """Sends everybody without a ticket to the room, until it sleeps."""

    awake: bool = True
    asked: list[pb.ReserveRequest] = field(default_factory=list)

    async def Reserve(self, request: pb.ReserveRequest, context: Any) -> pb.ReserveResponse:  # noqa: N802
        self.asked.append(request)
        if self.awake and not request.waiting_ticket:
            status = Status(code=8, message="too many")
            status.details.add().Pack(ErrorInfo(reason="WAITING_ROOM", domain="stock.lumbung"))
            status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=1)))
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "too many",
                (("grpc-status-details-bin", status.SerializeToString()),),
            )
        return pb.ReserveResponse(reservation=pb.Reservation(request_id=request.request_id))


@dataclass
class Stage:
    """The server's two parts, and a client of it."""

    sales: Sales
    reservations: Reservations
    client: LumbungClient


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    server, sales, reservations = grpc.aio.server(), Sales(), Reservations()
    flash_sales_pb2_grpc.add_FlashSaleServiceServicer_to_server(sales, server)
    reservations_pb2_grpc.add_ReservationServiceServicer_to_server(reservations, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with AsyncExitStack() as stack:
        client = LumbungClient(f"127.0.0.1:{port}", actor="storefront:web", options=Options(timeout_s=60.0))
        yield Stage(sales, reservations, await stack.enter_async_context(client))
    await server.stop(0)


def wish() -> pb.ReserveRequest:
    return reserve_request({"A": 1}, channel_code="web", customer_reference="Ani", flash_sale_code="SALE")


async def turn(stage: Stage, **fields: Any) -> str:
    wanted = {"customer_reference": "Ani", "channel_code": "web", "wait_s": 60.0} | fields
    return await stage.client.wait_for_turn("SALE", **wanted)


async def test_the_room_is_no_trouble_that_passes(stage: Stage) -> None:
    with pytest.raises(InWaitingRoom) as caught:
        await stage.client.reserve({"A": 1}, channel_code="web", flash_sale_code="SALE")
    assert (caught.value.reason, len(stage.reservations.asked)) == ("WAITING_ROOM", 1)


async def test_who_waits_reserves_the_same_with_the_ticket(stage: Stage) -> None:
    stage.sales.states = [WAITING, SOLD_OUT, WAITING, ADMITTED]
    told: list[int] = []
    request = wish()
    held = await stage.client.reserve_in_turn(
        request, wait_s=60.0, told=lambda place: told.append(place.state)
    )
    assert held.request_id == request.request_id
    assert told == [WAITING, SOLD_OUT, WAITING, ADMITTED]
    first, second = stage.reservations.asked
    assert (first.waiting_ticket, second.waiting_ticket) == ("", "ticket")
    assert len({join.request_id for join in stage.sales.joins}) == 1
    join = stage.sales.joins[0]
    assert (join.flash_sale_code, join.customer_reference, join.channel_code) == ("SALE", "Ani", "web")
    assert request.waiting_ticket == "", "the caller's own request stays as it was"


async def test_who_need_not_wait_never_joins(stage: Stage) -> None:
    stage.reservations.awake = False
    await stage.client.reserve_in_turn(wish(), wait_s=60.0)
    assert stage.sales.joins == []


async def test_a_room_that_fell_asleep_needs_no_ticket(stage: Stage) -> None:
    stage.sales.states = [NOT_NEEDED]
    assert await turn(stage) == ""


async def test_an_admission_that_was_used_is_good_for_more(stage: Stage) -> None:
    stage.sales.states = [USED]
    assert await turn(stage) == "ticket"


async def test_a_turn_that_has_passed_is_taken_anew(stage: Stage) -> None:
    stage.sales.states = [LAPSED, WAITING, ADMITTED]
    assert await turn(stage) == "ticket"
    first, second, third = [join.request_id for join in stage.sales.joins]
    assert first != second == third


async def test_a_turn_that_does_not_come_in_time(stage: Stage) -> None:
    stage.sales.states, stage.sales.wait_s = [WAITING], 3600.0
    with pytest.raises(DeadlineExceeded, match="place is kept"):
        await turn(stage)
    assert len(stage.sales.joins) == 1


async def test_who_is_told_may_give_up(stage: Stage) -> None:
    stage.sales.states = [WAITING, SOLD_OUT]

    def told(place: sales_pb.JoinWaitingRoomResponse) -> None:
        if place.state == SOLD_OUT:
            raise LookupError("nothing is left")

    with pytest.raises(LookupError):
        await stage.client.reserve_in_turn(wish(), wait_s=60.0, told=told)
