"""The channel: service config, keepalive, reconnecting, TLS."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import grpc

from lumbung_client.options import Options

_NAME_OVERRIDE = "grpc.ssl_target_name_override"


def service_config() -> str:
    """The published service config (JSON): retries, retry throttling, load balancing."""
    return files(__package__).joinpath("service_config.json").read_text(encoding="utf-8")


def open_channel(
    target: str,
    options: Options,
    *,
    credentials: grpc.ChannelCredentials | None = None,
    more: Sequence[tuple[str, Any]] = (),
) -> grpc.aio.Channel:
    """A channel to one or more servers, over TLS when there are credentials.

    `more` are gRPC channel arguments; the last of two with one name holds.
    """
    arguments = [*dict([*_arguments(options), *_authority(target, more), *more]).items()]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=arguments)
    return grpc.aio.secure_channel(target, credentials, options=arguments)


def _authority(target: str, more: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Several addresses (`ipv4:a,b`) are no name of a host: gRPC would send them as one, and a strict HTTP/2 server
    resets every call with it (RFC 3986, section 3.2).

    A name that the server's certificate is to be checked against is the host's name already; an authority beside it
    would be checked instead, and no certificate is made out to an address of several.
    """
    first, comma, _ = target.partition(",")
    if not comma or any(name == _NAME_OVERRIDE for name, _ in more):
        return []
    return [("grpc.default_authority", first.partition(":")[2])]


def _arguments(options: Options) -> list[tuple[str, Any]]:
    return [
        ("grpc.service_config", service_config()),
        ("grpc.keepalive_time_ms", int(options.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(options.keepalive_timeout_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", int(options.reconnect_s_max * 1000)),
        ("grpc.dns_min_time_between_resolutions_ms", 5_000),
        ("grpc.max_receive_message_length", options.received_bytes_max),
    ]
