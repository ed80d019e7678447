"""Calls to other services: each with a deadline, its trace, and the one on whose behalf it is made."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final

import grpc
from opentelemetry.trace import Span, SpanKind, StatusCode

from lumbung_kit import context, status, telemetry
from lumbung_kit.failures import FieldViolation, Kind, PreconditionViolation

DEFAULT_DEADLINE_S: Final = 5.0
MARGIN_S_MAX: Final = 0.05
"""Kept back from the caller's deadline, so that there is time to answer when the call comes back late."""
MARGIN_RATIO: Final = 0.1
DEADLINE_S_MIN: Final = 0.001
RECEIVED_BYTES_MAX: Final = 4 * 1024 * 1024

_SERVICE_CONFIG: Final = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
)
"""Retrying is safe: every mutation carries a request_id, and a stream is retried until its first answer.

CANCELLED is how a grpcio server that stops drops calls that it has not taken up (docs/decisions/0022).
"""

OPTIONS: Final = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.max_receive_message_length", RECEIVED_BYTES_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

_Metadata = tuple[tuple[str, str | bytes], ...]
_Requests = AsyncIterable[Any] | Iterable[Any]


class RemoteFailure(Exception):  # noqa: N818 - an answer, like Failure
    """What another service refused, with the reason and the details that it gave."""

    def __init__(self, kind: Kind, details: status.Details) -> None:
        super().__init__(f"{details.reason or kind.name}: {details.message}")
        self.kind = kind
        self.reason = details.reason
        self.domain = details.domain
        self.message = details.message
        self.metadata: Mapping[str, str] = details.metadata or {}
        self.fields: tuple[FieldViolation, ...] = details.fields
        self.preconditions: tuple[PreconditionViolation, ...] = details.preconditions
        self.retry_after_s = details.retry_after_s


def failure_from(error: grpc.aio.AioRpcError) -> RemoteFailure:
    """The failure that an error of a call stands for. Its reason is empty when no server of ours answered."""
    serialized = (error.trailing_metadata() or {}).get(status.DETAILS_KEY)
    if isinstance(serialized, bytes):
        details = status.decode(serialized)
    else:
        details = status.Details(message=error.details() or "")
    return RemoteFailure(status.kind_of(error.code()), details)


def open_channel(target: str, *, actor: str) -> grpc.aio.Channel:
    """A channel whose calls have at most the time that the current call has left, else five seconds.

    Streaming answers have no deadline unless the caller or the current call sets one. Calls are made for the
    current actor, or for `actor` where there is none; `actor` is who calls in either case, so that its role counts.
    UNAVAILABLE is retried a few times within the deadline.
    """
    return OurChannel(grpc.aio.insecure_channel(target, options=options_for(target)), actor)


def options_for(target: str) -> list[tuple[str, str | int]]:
    """The channel's arguments. Several addresses (`ipv4:a,b`) are no name of a host: gRPC would send them as one, and a
    strict HTTP/2 server resets every call with it (RFC 3986, section 3.2)."""
    first, comma, _ = target.partition(",")
    return [*OPTIONS, ("grpc.default_authority", first.partition(":")[2])] if comma else [*OPTIONS]


class OurChannel(grpc.aio.Channel):
    """Adds to each call what `open_channel` promises. A wrapper: an interceptor costs a task per call."""

    def __init__(self, channel: grpc.aio.Channel, actor: str) -> None:
        self._channel = channel
        self._actor = actor

    def _actor_for(self, method: str) -> str:  # noqa: ARG002 - the same for all; a test's channel differs
        """Who calls."""
        return self._actor

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return _Calls(
            self._channel.unary_unary(method, *args, **options),
            method,
            self._actor_for(method),
            DEFAULT_DEADLINE_S,
        )

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return _Calls(
            self._channel.stream_unary(method, *args, **options),
            method,
            self._actor_for(method),
            DEFAULT_DEADLINE_S,
        )

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return _Calls(
            self._channel.unary_stream(method, *args, **options), method, self._actor_for(method), None
        )

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        return _Calls(
            self._channel.stream_stream(method, *args, **options), method, self._actor_for(method), None
        )

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    async def __aenter__(self) -> OurChannel:
        await self._channel.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._channel.__aexit__(exc_type, exc_val, exc_tb)


class _Calls:
    """One method of one channel."""

    def __init__(
        self, calls: Callable[..., Any], path: str, actor: str, default_deadline_s: float | None
    ) -> None:
        self._calls = calls
        self._method = path.removeprefix("/")
        self._actor = actor
        self._default_deadline_s = default_deadline_s

    def __call__(
        self,
        request: Any = None,
        timeout: float | None = None,
        metadata: Iterable[tuple[str, str | bytes]] | None = None,
        **options: Any,
    ) -> Any:
        started = self._start_span() if self._default_deadline_s is not None else None
        traceparent = telemetry.traceparent_of(started) if started else telemetry.outgoing_traceparent()
        call = self._calls(
            request,
            timeout=_timeout_s(timeout, self._default_deadline_s),
            metadata=self._metadata(traceparent, metadata),
            **options,
        )
        if started:
            _end_with(call, started)
        return call

    def _start_span(self) -> Span | None:
        return telemetry.start_span(
            self._method, SpanKind.CLIENT, None, (), telemetry.rpc_attributes(self._method)
        )

    def _metadata(self, traceparent: str, given: Iterable[tuple[str, str | bytes]] | None) -> _Metadata:
        actor = context.actor()
        if actor in (context.ANONYMOUS, self._actor):
            added: _Metadata = ((context.ACTOR_KEY, self._actor),)
        else:
            added = ((context.ACTOR_KEY, actor), (context.CALLER_KEY, self._actor))
        if traceparent:
            added = (*added, ("traceparent", traceparent))
        return (*given, *added) if given else added


def _timeout_s(asked_s: float | None, default_s: float | None) -> float | None:
    """The least of what the caller asked and what the current call has left, less a margin."""
    remaining_s = context.deadline_remaining_s()
    if math.isinf(remaining_s):
        return default_s if asked_s is None else asked_s
    left_s = max(DEADLINE_S_MIN, remaining_s - min(MARGIN_S_MAX, remaining_s * MARGIN_RATIO))
    return left_s if asked_s is None else min(asked_s, left_s)


def _end_with(call: Any, started: Span) -> None:
    """Ends the span when the call has ended."""

    async def end() -> None:
        code: grpc.StatusCode = await call.code()
        started.set_attribute("rpc.response.status_code", code.name)
        if code is not grpc.StatusCode.OK:
            started.set_attribute("error.type", code.name)
            started.set_status(StatusCode.ERROR)
        started.end()

    def ended(_call: object) -> None:
        task = asyncio.get_running_loop().create_task(end())
        _ending.add(task)
        task.add_done_callback(_ending.discard)

    call.add_done_callback(ended)


_ending: set[asyncio.Task[None]] = set()
