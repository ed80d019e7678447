"""What a call sends, and what is sent again: against a server that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_client import (
    Conflict,
    DeadlineExceeded,
    LumbungClient,
    LumbungError,
    Options,
    OutOfStock,
    Overloaded,
    Refused,
    Unavailable,
    reserve_request,
)

Code = grpc.StatusCode
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Says:
    """A status that the server answers with; a reason comes in details, as Lumbung's servers give it."""

    code: Code
    reason: str = ""
    retry_after_s: float | None = None
    raw_details: bytes = b""

    async def to(self, call: Any) -> None:
        details = self.raw_details or self._details()
        await call.abort(self.code, "no", (("grpc-status-details-bin", details),) if details else ())

    def _details(self) -> bytes:
        status = Status(code=self.code.value[0], message="said so")
        if self.reason:
            status.details.add().Pack(ErrorInfo(reason=self.reason, domain="stock.lumbung"))
        if self.retry_after_s is not None:
            delay = Duration()
            delay.FromNanoseconds(int(self.retry_after_s * 1e9))
            status.details.add().Pack(RetryInfo(retry_delay=delay))
        return status.SerializeToString() if self.reason else b""


@dataclass
class Scripted(rpc.ReservationServiceServicer):
    """Answers with the script's statuses, one a call, and then as asked."""

    script: list[Says] = field(default_factory=list)
    calls: list[tuple[Any, dict[str, Any], float]] = field(default_factory=list)
    unsettled: dict[str, list[pb.Refusal]] = field(default_factory=dict)

    async def Reserve(self, request: pb.ReserveRequest, context: Any) -> pb.ReserveResponse:  # noqa: N802
        await self._note(request, context)
        return pb.ReserveResponse(reservation=pb.Reservation(request_id=request.request_id))

    async def BatchReserve(self, request: pb.BatchReserveRequest, context: Any) -> pb.BatchReserveResponse:  # noqa: N802
        await self._note(request, context)
        return pb.BatchReserveResponse(outcomes=map(self._outcome, request.reservations))

    async def _note(self, request: Any, context: Any) -> None:
        self.calls.append((request, dict(context.invocation_metadata()), context.time_remaining()))
        if self.script:
            await self.script.pop(0).to(context)

    def _outcome(self, request: pb.ReserveRequest) -> pb.ReserveOutcome:
        refusals = self.unsettled.get(request.request_id)
        if refusals:
            return pb.ReserveOutcome(request_id=request.request_id, refusal=refusals.pop(0))
        reservation = pb.Reservation(request_id=request.request_id)
        return pb.ReserveOutcome(request_id=request.request_id, reservation=reservation)


@dataclass
class Stage:
    """A scripted server, and clients of it that repeat by their own rules alone."""

    server: Scripted
    address: str
    stack: AsyncExitStack

    async def client(self, *, traceparent: Callable[[], str] | None = None, **options: Any) -> LumbungClient:
        quick = {"backoff_s_min": 0.001, "backoff_s_max": 0.001, "timeout_s": 60.0, **options}
        client = LumbungClient(
            self.address,
            actor="storefront:web",
            options=Options(**quick),
            traceparent=traceparent,
            channel_options=[("grpc.enable_retries", 0)],
        )
        return await self.stack.enter_async_context(client)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    server, scripted = grpc.aio.server(), Scripted()
    rpc.add_ReservationServiceServicer_to_server(scripted, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with AsyncExitStack() as stack:
        yield Stage(scripted, f"127.0.0.1:{port}", stack)
    await server.stop(0)


PASSES = [
    Says(Code.UNAVAILABLE),
    Says(Code.CANCELLED),
    Says(Code.UNAVAILABLE, "STORE_UNAVAILABLE", 0.001),
    Says(Code.RESOURCE_EXHAUSTED, "OVERLOADED", 0.001),
    Says(Code.ABORTED, "REQUEST_IN_FLIGHT"),
]


async def test_trouble_that_passes_is_met_with_the_very_same_request(stage: Stage) -> None:
    stage.server.script = [*PASSES]
    client = await stage.client()
    held = await client.reserve({"A": 1}, channel_code="web")
    requests = [request for request, _, _ in stage.server.calls]
    assert len(requests) == len(PASSES) + 1
    assert all(request == requests[0] for request in requests)
    assert held.request_id == requests[0].request_id


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        (Says(Code.ABORTED, "CONCURRENT_CHANGE", 0.001), Conflict),
        (Says(Code.RESOURCE_EXHAUSTED), Overloaded),
        (Says(Code.FAILED_PRECONDITION, "OUT_OF_STOCK", 0.001), OutOfStock),
        (Says(Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"), DeadlineExceeded),
        (Says(Code.INTERNAL, "INTERNAL"), LumbungError),
        (Says(Code.UNKNOWN), LumbungError),
        (Says(Code.FAILED_PRECONDITION, raw_details=b"\xffnot a status"), Refused),
    ],
    ids=str,
)
async def test_nothing_else_is_sent_again(stage: Stage, says: Says, kind: type[LumbungError]) -> None:
    stage.server.script = [says]
    client = await stage.client()
    with pytest.raises(LumbungError) as caught:
        await client.reserve({"A": 1}, channel_code="web")
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.reason) == (says.code, says.reason)
    assert len(stage.server.calls) == 1


async def test_who_asks_the_trace_and_the_deadline_travel_with_each_call(stage: Stage) -> None:
    client = await stage.client(traceparent=lambda: TRACE, timeout_s=40.0)
    await client.reserve({"A": 1}, channel_code="web")
    await client.reserve({"A": 1}, channel_code="web", timeout_s=20.0)
    untraced = await stage.client(traceparent=lambda: "")
    await untraced.reserve({"A": 1}, channel_code="web")
    (_, first, longer_s), (_, _, shorter_s), (_, last, _) = stage.server.calls
    assert (first["lumbung-actor"], first["traceparent"]) == ("storefront:web", TRACE)
    assert 21 < longer_s < 41
    assert shorter_s < 21
    assert "traceparent" not in last


async def test_a_spent_budget_stops_the_repeats(stage: Stage) -> None:
    stage.server.script = [Says(Code.UNAVAILABLE)] * 10
    client = await stage.client(retries_max=3)
    with pytest.raises(Unavailable) as caught:
        await client.reserve({"A": 1}, channel_code="web")
    assert len(stage.server.calls) == 4
    assert "budget" in caught.value.__notes__[0]


async def test_a_delay_that_ends_after_the_deadline_is_not_waited_for(stage: Stage) -> None:
    stage.server.script = [Says(Code.UNAVAILABLE, "HOLD_PENDING", 3600)]
    client = await stage.client()
    with pytest.raises(Unavailable) as caught:
        await client.reserve({"A": 1}, channel_code="web")
    assert (caught.value.reason, caught.value.retry_after_s) == ("HOLD_PENDING", 3600.0)
    assert len(stage.server.calls) == 1


async def test_of_a_batch_only_what_met_trouble_is_asked_again(stage: Stage) -> None:
    requests = [reserve_request({"A": 1}, channel_code="web") for _ in range(3)]
    late = pb.Refusal(reason="HOLD_PENDING", code=14)
    stage.server.unsettled[requests[1].request_id] = [late, late]
    stage.server.unsettled[requests[2].request_id] = [pb.Refusal(reason="OUT_OF_STOCK", code=9)]
    client = await stage.client()
    first, second, third = await client.batch_reserve(requests)
    assert isinstance(first, pb.Reservation)
    assert isinstance(second, pb.Reservation)
    assert isinstance(third, OutOfStock)
    assert [len(batch.reservations) for batch, _, _ in stage.server.calls] == [3, 1, 1]
    assert second.request_id == requests[1].request_id


async def test_nobody_there_is_told_at_the_deadline_at_the_latest(stage: Stage) -> None:
    client = LumbungClient("127.0.0.1:9", actor="storefront:web", options=Options(timeout_s=0.3))
    async with client:
        with pytest.raises((Unavailable, DeadlineExceeded)):
            await client.get("01900000-0000-7000-8000-000000000000")
