"""How a contestant that is not ours is served: the same grpc.aio, uvloop and upb as our services, and nothing else."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import grpc
import uvloop
from google.protobuf.internal import api_implementation
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_kit.settings import Engine

RECEIVED_BYTES_MAX = 1 << 20

Open = Callable[[], AbstractAsyncContextManager[rpc.ReservationServiceServicer]]


_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", RECEIVED_BYTES_MAX),
    ("grpc.server.max_pending_requests", 10_000),
    ("grpc.server.max_pending_requests_hard_limit", 20_000),
)


def main(open_servicer: Open, address: str, engine: str = Engine.GRPCIO) -> None:
    """Serves until SIGTERM."""
    if api_implementation.Type() != "upb":
        raise SystemExit("protobuf runs in pure Python; install a wheel with upb")
    uvloop.run(_serve(open_servicer, address, Engine(engine)))


async def _serve(open_servicer: Open, address: str, engine: Engine) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_servicer() as servicer:
        server = _native() if engine is Engine.PYGRPC_NATIVE else grpc.aio.server(options=_OPTIONS)
        rpc.add_ReservationServiceServicer_to_server(servicer, server)
        servicer_of_health = health.aio.HealthServicer()
        await servicer_of_health.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer_of_health, server)
        server.add_insecure_port(address)
        await server.start()
        await stop.wait()
        await server.stop(1.0)


def _native() -> grpc.aio.Server:
    """pygrpc-native, as `lumbung_kit.engines` makes it."""
    from pygrpc_native.aio import server

    return server(options=_OPTIONS[:2])
