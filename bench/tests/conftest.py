"""A real grpc.aio server that answers as a test wants, and loads on it."""

from __future__ import annotations

# ruff: noqa: N802, ARG002 - the shop implements a generated interface
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench import reservations
from lumbung_bench.load.drive import Drive
from lumbung_bench.load.spec import LoadReport, LoadSpec

Decide = Callable[[pb.ReserveRequest], Awaitable[str]]
"""Awaits what it likes; returns the reason of a refusal, or "" for a hold."""
CARTS = reservations.carts(3, 3)


async def _hold(request: pb.ReserveRequest) -> str:
    return ""


@dataclass
class Shop(rpc.ReservationServiceServicer):
    """Answers every form of Reserve as `decide` says, and notes what came."""

    decide: Decide = _hold
    seen: Counter[str] = field(default_factory=Counter)
    customers: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    busiest: int = 0

    async def Reserve(self, request, context):
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            outcome = await self._outcome(request)
        finally:
            self.busy -= 1
        if outcome.HasField("refusal"):
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, outcome.refusal.reason)
        return pb.ReserveResponse(reservation=outcome.reservation)

    async def BatchReserve(self, request, context):
        return pb.BatchReserveResponse(outcomes=[await self._outcome(each) for each in request.reservations])

    async def ReserveStream(self, requests, context):
        async for request in requests:
            outcomes = [await self._outcome(each) for each in request.reservations]
            yield pb.ReserveStreamResponse(outcomes=outcomes)

    async def _outcome(self, request: pb.ReserveRequest) -> pb.ReserveOutcome:
        self.seen[request.request_id] += 1
        self.customers[request.customer_reference] += 1
        reason = await self.decide(request)
        if reason:
            return pb.ReserveOutcome(request_id=request.request_id, refusal=pb.Refusal(reason=reason))
        held = pb.Reservation(request_id=request.request_id, customer_reference=request.customer_reference)
        return pb.ReserveOutcome(request_id=request.request_id, reservation=held)


@dataclass
class Stand:
    """The shop on a socket."""

    shop: Shop
    server: grpc.aio.Server
    target: str
    outcomes_file: Path

    def spec(self, **fields: object) -> LoadSpec:
        """A load of 300 unary calls without warm-up, unless told otherwise."""
        standard = LoadSpec(
            target=self.target,
            path=reservations.RESERVE,
            templates=reservations.unary(CARTS),
            in_flight=16,
            connections=2,
            warm_up_s=0,
            measure_s=60,
            calls_max=300,
            outcomes_file=str(self.outcomes_file),
        )
        return replace(standard, **fields)  # type: ignore[arg-type]

    async def load(self, **fields: object) -> LoadReport:
        """Runs it beside the server."""
        return await asyncio.to_thread(Drive(self.spec(**fields)).run)

    def outcomes(self) -> bytes:
        """One byte a reservation, as the generator wrote them."""
        return self.outcomes_file.read_bytes()


OpenStand = Callable[..., Awaitable[Stand]]


@pytest.fixture
async def open_stand(tmp_path: Path) -> AsyncIterator[OpenStand]:
    """`await open_stand(decide, ("grpc.max_concurrent_streams", 5))`"""
    servers: list[grpc.aio.Server] = []

    async def open_one(decide: Decide = _hold, *options: tuple[str, int]) -> Stand:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0), *options])
        shop = Shop(decide)
        rpc.add_ReservationServiceServicer_to_server(shop, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servers.append(server)
        return Stand(shop, server, f"127.0.0.1:{port}", tmp_path / "outcomes")

    yield open_one
    for server in servers:
        await server.stop(0)
