"""A watch against a server that falls silent, ends, or breaks off: it goes on after the last position."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung.stock.v1 import availability_pb2_grpc as rpc
from lumbung_client import LumbungClient, Options
from lumbung_client import watch as watching


class Restless(rpc.AvailabilityServiceServicer):
    """Its first streams end in three ways, each after one message; the fourth goes on."""

    def __init__(self) -> None:
        self.resumed_after: list[int] = []

    async def WatchAvailability(  # noqa: N802
        self, request: pb.WatchAvailabilityRequest, context: Any
    ) -> AsyncIterator[pb.WatchAvailabilityResponse]:
        self.resumed_after.append(request.after_position)
        stream = len(self.resumed_after)
        yield pb.WatchAvailabilityResponse(position=stream * 10)
        if stream == 1:
            await asyncio.Event().wait()
        if stream == 2:
            await context.abort(grpc.StatusCode.INTERNAL, "RST_STREAM, says a proxy")
        if stream == 3:
            return
        yield pb.WatchAvailabilityResponse(position=stream * 10 + 1)


@pytest.fixture
async def restless() -> AsyncIterator[tuple[Restless, str]]:
    server, servicer = grpc.aio.server(), Restless()
    rpc.add_AvailabilityServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(0)


async def test_it_goes_on_after_the_last_position(
    restless: tuple[Restless, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    servicer, address = restless
    monkeypatch.setattr(watching, "SILENCE_S_MAX", 0.2)
    options = Options(backoff_s_min=0.001, backoff_s_max=0.001)
    async with LumbungClient(address, actor="storefront:web", options=options) as lumbung:
        changes = lumbung.watch_availability(["A"], after_position=7)
        positions = [(await anext(changes)).position for _ in range(5)]
        await changes.aclose()
    assert positions == [10, 20, 30, 40, 41]
    assert servicer.resumed_after == [7, 10, 20, 30]
