"""The one server interceptor: admission, actor, deadline, span, count, and the status of what is raised.

It is one and not five because each costs every call a part of its time. The wrapped handler of a method is
made once and kept.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Final, NoReturn, TypeAlias
from weakref import WeakSet

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.trace import Span
from prometheus_client import Histogram

from lumbung_kit import context, logs, metrics, status, telemetry
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import (
    BadInput,
    DeadlineExceeded,
    DependencyUnavailable,
    Failure,
    FieldViolation,
    Internal,
    Kind,
    NotServed,
    Overloaded,
    ShuttingDown,
)
from lumbung_kit.streams import Endless, Follower, Requests, undecodable

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

OVERLOAD_RETRY_S: Final = 0.25
LATE_S: Final = 0.01
"""A time-out this close to the deadline is the deadline's."""

_ACTOR = re.compile(r"[a-z]+:[A-Za-z0-9._-]{1,64}")
_INFRASTRUCTURE: Final = "/grpc."
"""Health and reflection: always admitted, neither counted nor traced, and no actor is asked for."""

_log = logs.get_logger(__name__)
_DURATION = metrics.histogram(
    "rpc_server_call_duration_seconds", "Time from a call's arrival to its end", ["rpc_method", "code"]
)
_SHED = metrics.counter("rpc_server_shed_calls", "Calls refused because too many were in flight")
_IN_FLIGHT = metrics.gauge("rpc_server_calls_in_flight", "Calls that have begun and not ended")


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler of one server, and knows which of its calls are under way."""

    def __init__(self, service: str, *, default_deadline_s: float, max_concurrent_rpcs: int) -> None:
        self.domain = f"{service}.lumbung"
        self.default_deadline_s = default_deadline_s
        self.max_in_flight = max_concurrent_rpcs
        self.in_flight = 0
        self._draining = False
        self._handlers: dict[str, Handler] = {}
        self._endless: set[Endless] = set()
        _interceptors.add(self)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The wrapped handler, or one that refuses a method that nobody has."""
        path = handler_call_details.method
        wrapped = self._handlers.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return grpc.stream_stream_rpc_method_handler(self._refuse_unknown)
            wrapped = self._handlers[path] = _wrap(self, path, handler)
        return wrapped

    async def _refuse_unknown(self, _requests: AsyncIterator[bytes], call: Call) -> None:
        """Neither counted nor traced: anybody can make up names without end."""
        await _abort(call, NotServed("This server has no such method."), self.domain)

    def drain(self) -> None:
        """Ends the streams that would never end by themselves; calls that have an end run on to it."""
        self._draining = True
        for endless in tuple(self._endless):
            endless.end()

    def watch(self, endless: Endless) -> None:
        """Keeps a stream that has no end of its own, for `drain`."""
        self._endless.add(endless)
        if self._draining:
            endless.end()

    def unwatch(self, endless: Endless) -> None:
        """Forgets a stream that has ended."""
        self._endless.discard(endless)


_interceptors: WeakSet[ServerInterceptor] = WeakSet()
_IN_FLIGHT.set_function(lambda: sum(interceptor.in_flight for interceptor in _interceptors))


def _wrap(interceptor: ServerInterceptor, path: str, handler: Handler) -> Handler:
    """The same handler with everything around it.

    A single message is decoded and encoded in here too, so that a failure of that is answered like any other.
    """
    asks, answers = handler.request_streaming, handler.response_streaming
    method = _Method(interceptor, path, handler)
    decode = handler.request_deserializer if asks else None
    encode = handler.response_serializer if answers else None
    if asks and answers:
        return grpc.stream_stream_rpc_method_handler(method.converse, decode, encode)
    if asks:
        return grpc.stream_unary_rpc_method_handler(method.collect, decode, encode)
    if answers:
        return grpc.unary_stream_rpc_method_handler(method.follow, decode, encode)
    return grpc.unary_unary_rpc_method_handler(method.answer, decode, encode)


class _Method:
    """One method of one server: what is known before any call, and the four shapes of a call."""

    def __init__(self, interceptor: ServerInterceptor, path: str, handler: Handler) -> None:
        self.interceptor = interceptor
        self.name = path.removeprefix("/")
        self.observed = not path.startswith(_INFRASTRUCTURE)
        self.begins_traces = not handler.response_streaming
        self.default_deadline_s = None if handler.response_streaming else interceptor.default_deadline_s
        self._behavior: Any = (
            handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
        )
        self._decode: Callable[[bytes], Any] = handler.request_deserializer or _as_is
        self._encode: Callable[[Any], bytes] = handler.response_serializer or _as_is
        self._durations: dict[str, Histogram] = {}

    async def answer(self, data: bytes, call: Call) -> bytes:
        """One request, one answer."""
        async with _Running(self, call):
            return self._encode(await self._behavior(self._decoded(data), call))

    async def collect(self, requests: AsyncIterator[Any], call: Call) -> bytes:
        """A stream of requests, one answer."""
        async with _Running(self, call):
            return self._encode(await self._behavior(Requests(aiter(requests)), call))

    async def follow(self, data: bytes, call: Call) -> None:
        """One request, a stream of answers; it follows for ever when the client set no deadline."""
        follower = Follower()
        try:
            async with _Running(self, call, follower):
                if math.isinf(context.deadline_remaining_s()):
                    self.interceptor.watch(follower)
                await _write_all(self._behavior(self._decoded(data), call), call)
        finally:
            self.interceptor.unwatch(follower)

    async def converse(self, requests: AsyncIterator[Any], call: Call) -> None:
        """Requests and answers as they come."""
        conversation = Requests(aiter(requests))
        try:
            async with _Running(self, call):
                self.interceptor.watch(conversation)
                await _write_all(self._behavior(conversation, call), call)
                conversation.require_whole()
        finally:
            self.interceptor.unwatch(conversation)

    def observe(self, code: str, seconds: float) -> None:
        """Counts an ended call; the label lookup is made once per code."""
        duration = self._durations.get(code)
        if duration is None:
            duration = self._durations[code] = _DURATION.labels(self.name, code)
        duration.observe(seconds)

    def _decoded(self, data: bytes) -> Any:
        try:
            return self._decode(data)
        except DecodeError as error:
            raise undecodable() from error


class _Running:
    """One call, from its admission to its status."""

    __slots__ = ("_call", "_follower", "_interceptor", "_method", "_span", "_started", "_timer")

    def __init__(self, method: _Method, call: Call, follower: Follower | None = None) -> None:
        self._started = time.perf_counter()
        self._method = method
        self._interceptor = method.interceptor
        self._call = call
        self._follower = follower
        self._span: Span | None = None
        self._timer: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        try:
            actor = self._admit() if self._method.observed else context.ANONYMOUS
        except Exception as error:  # noqa: BLE001 - answered like what a handler raises
            await self._refuse(self._failure(error))
        remaining_s, default_s = _remaining_s(self._call), self._method.default_deadline_s
        if math.isinf(remaining_s) and default_s is not None:
            remaining_s = default_s
            # A deadline of the client's is enforced by gRPC, which cancels the task; only ours needs a timer.
            self._timer = asyncio.timeout(default_s)
            await self._timer.__aenter__()
        context.begin_call(actor, remaining_s)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            try:
                await self._timer.__aexit__(kind, error, traceback)
            except TimeoutError:
                error = DeadlineExceeded()
        if error is None:
            self._end("OK")
        elif isinstance(error, asyncio.CancelledError):
            if self._follower is not None and self._follower.was_ended():
                await self._refuse(ShuttingDown())
            self._end("DEADLINE_EXCEEDED" if _is_late() else "CANCELLED")
        elif isinstance(error, grpc.aio.AbortError) or not isinstance(error, Exception):
            self._end("UNKNOWN")
        else:
            await self._refuse(self._failure(error))

    def _admit(self) -> str:
        """Counts the call, starts its span, and returns its actor.

        Streams without an end count only as they begin: whoever serves them bounds them, and gRPC bounds all.
        """
        interceptor = self._interceptor
        interceptor.in_flight += 1
        if interceptor.in_flight - len(interceptor._endless) > interceptor.max_in_flight:
            _SHED.inc()
            raise Overloaded(retry_after_s=OVERLOAD_RETRY_S)
        actor, traceparent = _identity(self._call)
        self._span = telemetry.start_server_span(
            self._method.name, traceparent, may_begin=self._method.begins_traces
        )
        return actor

    def _end(self, code: str, failure: Failure | None = None) -> None:
        if not self._method.observed:
            return
        self._interceptor.in_flight -= 1
        self._method.observe(code, time.perf_counter() - self._started)
        if self._span is not None:
            telemetry.end_server_span(self._span, code, failure)

    async def _refuse(self, failure: Failure) -> NoReturn:
        self._end(failure.kind.name, failure)
        await _abort(self._call, failure, self._interceptor.domain)

    def _failure(self, error: Exception) -> Failure:
        """What an exception of the handler means to the caller."""
        if isinstance(error, Failure):
            return error
        if isinstance(error, NotImplementedError) and self._call.code() is grpc.StatusCode.UNIMPLEMENTED:
            return NotServed(metadata={"rpc_method": self._method.name})
        if isinstance(error, TimeoutError) and _is_late():
            return DeadlineExceeded()
        remote = failure_from(error) if isinstance(error, grpc.aio.AioRpcError) else error
        passed_on = _passed_on(remote) if isinstance(remote, RemoteFailure) else None
        return passed_on or self._bug(error)

    def _bug(self, error: Exception) -> Failure:
        """The exception is for our logs; the caller gets an id to quote."""
        correlation_id = uuid.uuid4().hex
        _log.error("uncaught", rpc_method=self._method.name, correlation_id=correlation_id, exc_info=error)
        return Internal(metadata={"correlation_id": correlation_id})


async def _abort(call: Call, failure: Failure, domain: str) -> NoReturn:
    """The only place that aborts."""
    details = status.encode(failure, domain)
    await call.abort(status.CODES[failure.kind], failure.message, ((status.DETAILS_KEY, details),))


def _remaining_s(call: Any) -> float:
    remaining_s: float | None = call.time_remaining()
    return math.inf if remaining_s is None else remaining_s


def _identity(call: Call) -> tuple[str, str]:
    """The actor and the traceparent that came with the call."""
    actor, traceparent = context.ANONYMOUS, ""
    for key, value in call.invocation_metadata() or ():
        if key == context.ACTOR_KEY:
            actor = _checked_actor(value)
        elif key == "traceparent":
            traceparent = str(value)
    return actor, traceparent


def _checked_actor(value: str | bytes) -> str:
    if isinstance(value, str) and _ACTOR.fullmatch(value):
        return value
    description = "must be kind:name such as staff:ani, the name 1 to 64 characters of A-Z a-z 0-9 . _ -"
    field = f"metadata.{context.ACTOR_KEY}"
    raise BadInput(f"{field} {description}", fields=[FieldViolation(field, description)])


def _passed_on(remote: RemoteFailure) -> Failure | None:
    """What a failed call to another service means to our caller, when the handler did not say."""
    metadata = {"dependency": remote.domain, "dependency_reason": remote.reason} if remote.reason else None
    if remote.kind is Kind.UNAVAILABLE:
        return DependencyUnavailable(metadata=metadata, retry_after_s=remote.retry_after_s)
    if remote.kind is Kind.RESOURCE_EXHAUSTED:
        return Overloaded(metadata=metadata, retry_after_s=remote.retry_after_s)
    if remote.kind is Kind.DEADLINE_EXCEEDED:
        return DeadlineExceeded(metadata=metadata)
    return None


async def _write_all(answers: Any, call: Call) -> None:
    """Sends what the handler yields, and closes it when the call ends first."""
    if isinstance(answers, AsyncGenerator):
        async with aclosing(answers):
            async for answer in answers:
                await call.write(answer)
    elif isinstance(answers, AsyncIterable):
        async for answer in answers:
            await call.write(answer)
    else:
        await answers


def _is_late() -> bool:
    return context.deadline_remaining_s() <= LATE_S


def _as_is(message: Any) -> Any:
    return message
