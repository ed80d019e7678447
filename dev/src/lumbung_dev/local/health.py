"""How to tell that a program serves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

_PROBE_S_MAX = 1.0


def grpc_serves(address: str) -> Callable[[], Awaitable[bool]]:
    """Asks the standard health service: SERVING means that the stores can be reached too."""

    async def probe() -> bool:
        async with grpc.aio.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_S_MAX)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe


def http_answers(url: str) -> Callable[[], Awaitable[bool]]:
    """Asks for a page; any success will do."""

    async def probe() -> bool:
        async with httpx.AsyncClient(timeout=_PROBE_S_MAX, trust_env=False) as client:
            try:
                return (await client.get(url)).is_success
            except httpx.TransportError:
                return False

    return probe
