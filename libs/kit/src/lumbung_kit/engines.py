"""The program under a service that speaks HTTP/2 and gRPC: grpcio, or pygrpc-native.

Handlers, deadlines, refusals and draining are the same on both, and the tests run on both. What pygrpc-native
cannot do, and what it gives, is in docs/decisions/0026.
"""

from __future__ import annotations

from typing import Final

import grpc

from lumbung_kit.settings import Engine, ServiceSettings

RECEIVED_BYTES_MAX: Final = 1024 * 1024
PENDING_MAX: Final = 10_000
"""Calls that may wait to be taken up: a second of arrivals at twice the rate at which one process can refuse."""

_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", RECEIVED_BYTES_MAX),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
"""What both understand."""


def make_server(settings: ServiceSettings) -> grpc.aio.Server:
    """A server without handlers and without a port."""
    if settings.server_engine is Engine.PYGRPC_NATIVE:
        return _native()
    return _grpcio(settings)


def _grpcio(settings: ServiceSettings) -> grpc.aio.Server:
    options = [
        *_OPTIONS,
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        # gRPC's core cancels calls at random once a thousand wait to be taken up. A burst of buyers is more than
        # that; what is too much is refused by the frame, with a reason.
        ("grpc.server.max_pending_requests", PENDING_MAX),
        ("grpc.server.max_pending_requests_hard_limit", PENDING_MAX * 2),
    ]
    if settings.max_connection_age_s:
        options += [
            ("grpc.max_connection_age_ms", int(settings.max_connection_age_s * 1000)),
            ("grpc.max_connection_age_grace_ms", int(settings.drain_s * 1000)),
        ]
    return grpc.aio.server(
        options=options,
        # The frame refuses first, with a reason; this is the bound for calls that it lets pass.
        maximum_concurrent_rpcs=settings.max_concurrent_rpcs + settings.max_open_streams + PENDING_MAX,
    )


def _native() -> grpc.aio.Server:
    # `from pygrpc_native import aio` recurses for ever in 0.5.0.
    from pygrpc_native.aio import server

    return server(options=_OPTIONS)
