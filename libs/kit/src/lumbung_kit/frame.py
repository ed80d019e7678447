"""The frame around every handler: admission, actor, deadline, span, count, and the status of what is raised.

It is one and not five because each costs every call a part of its time, and it is no interceptor because that
costs a part too: handlers are wrapped before the server gets them.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, suppress
from functools import lru_cache
from random import Random
from typing import Any, Final, NoReturn, TypeAlias
from weakref import WeakSet

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.trace import Span

from lumbung_kit import access, context, logs, metrics, status, telemetry
from lumbung_kit.admission import Admission, Pace, Refused
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
from lumbung_kit.streams import Endless, Interruption, Requests, undecodable
from lumbung_kit.tallies import Tallies, Tally

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

QUIET_S: Final = 0.05
LATE_S: Final = 0.01
"""A time-out this close to the deadline is the deadline's."""

_NO_DEADLINE_S: Final = 1e9

_ACTOR = re.compile(r"[a-z]+:[A-Za-z0-9._-]{1,64}")
_INFRASTRUCTURE: Final = "/grpc."
"""Health and reflection: always admitted, neither counted nor traced, and no actor is asked for."""

_log = logs.get_logger(__name__)
_DURATION = Tallies(
    "rpc_server_call_duration_seconds", "Time from a call's arrival to its end", ["rpc_method", "code"]
)
_SHED = metrics.counter("rpc_server_shed_calls", "Calls refused for too much to do", ["rpc_method", "reason"])
_IN_FLIGHT = metrics.gauge("rpc_server_calls_in_flight", "Calls let in and not ended", ["rpc_method"])
_TELLING: Final = frozenset({"OK", "FAILED_PRECONDITION"})
"""Codes of calls that were worked through, so that their time says how long that takes."""


class Frame:
    """What one server does around each of its handlers, and which of its calls are under way.

    Generated code registers handlers here as it would on a server; `serve_on` hands them on, wrapped.
    """

    def __init__(
        self, service: str, *, default_deadline_s: float, max_concurrent_rpcs: int, max_open_streams: int
    ) -> None:
        self.domain = f"{service}.lumbung"
        self.default_deadline_s = default_deadline_s
        self.calls = Admission(max_concurrent_rpcs, Random())
        self.streams = Admission(max_open_streams, Random())
        self.draining = False
        self.last_call_at = -math.inf
        self._methods: dict[str, dict[str, _Method]] = {}
        self._endless: set[Endless] = set()

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Wraps the handlers of one service, open to whom the contract opens them."""
        callers = access.callers_of(service_name)
        self._methods[service_name] = {
            name: _Method(self, f"/{service_name}/{name}", handler, callers.get(name, access.NOBODY))
            for name, handler in method_handlers.items()
        }

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[object]) -> None:
        """Nothing: generated code says the same twice, and this time for servers that are older than ours."""

    def service_names(self) -> list[str]:
        """Those that callers are admitted to: neither health nor reflection."""
        return [name for name in self._methods if not f"/{name}".startswith(_INFRASTRUCTURE)]

    def require(self, service_name: str) -> None:
        """Raises TypeError unless handlers were registered under this name."""
        if service_name not in self._methods:
            raise TypeError(f"no handlers were registered for {service_name}")

    def weigh(self, service_name: str, name: str, units: Callable[[Any], int]) -> None:
        """Says how much work a request of this unary method is; without this, each is one unit."""
        self._methods[service_name][name].units = units

    def open(self, service_name: str, callers: Mapping[str, access.Roles]) -> None:
        """Says who may call methods that are in no contract, by their names."""
        for name, roles in callers.items():
            self._methods[service_name][name].callers = roles

    def serve_on(self, server: grpc.aio.Server) -> None:
        """Every handler, and a refusal for each name that nobody has."""
        for service, methods in self._methods.items():
            handlers = {name: method.handler() for name, method in methods.items()}
            server.add_registered_method_handlers(service, handlers)
        server.add_generic_rpc_handlers([_Unknown(self.domain)])

    def drain(self) -> None:
        """Refuses calls from now on, and ends the streams that would never end; what has an end runs on to it."""
        self.draining = True
        for endless in tuple(self._endless):
            endless.end()

    async def until_quiet(self, seconds_max: float) -> None:
        """Waits until no more calls come in, so that grpcio stops without any: it would cancel them, untyped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                while time.perf_counter() - self.last_call_at < QUIET_S:  # noqa: ASYNC110 - it waits for no event
                    await asyncio.sleep(QUIET_S)

    def watch(self, endless: Endless) -> None:
        """Keeps a stream that has no end of its own, for `drain`."""
        self._endless.add(endless)
        if self.draining:
            endless.end()

    def unwatch(self, endless: Endless) -> None:
        """Forgets a stream that has ended."""
        self._endless.discard(endless)


class _Unknown(grpc.GenericRpcHandler):
    """Answers for methods that nobody has; not counted and not traced, for anybody can make up names."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._handler: Handler = grpc.stream_stream_rpc_method_handler(self._refuse)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler:  # noqa: ARG002
        return self._handler

    async def _refuse(self, _requests: AsyncIterator[bytes], call: Call) -> None:
        await _abort(call, NotServed("This server has no such method."), self._domain)


class _Method:
    """One method of one server: what is known before any call, and the four shapes of a call."""

    def __init__(self, frame: Frame, path: str, handler: Handler, callers: access.Roles) -> None:
        self.frame = frame
        self.callers = callers
        self.name = path.removeprefix("/")
        self.observed = not path.startswith(_INFRASTRUCTURE)
        self.begins_traces = not handler.response_streaming
        self.default_deadline_s = math.inf if handler.response_streaming else frame.default_deadline_s
        self.admission = frame.streams if handler.response_streaming else frame.calls
        self.pace = Pace()
        self.in_flight = 0
        self.units: Callable[[Any], int] | None = None
        self._handler = handler
        self._behavior: Any = (
            handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
        )
        self._decode: Callable[[bytes], Any] = handler.request_deserializer or _as_is
        self._encode: Callable[[Any], bytes] = handler.response_serializer or _as_is
        self._durations: dict[str, Tally] = {}
        if self.observed:
            _count_in_flight(self)

    def handler(self) -> Handler:
        """The same handler with everything around it.

        A single message is decoded and encoded in here too, so that a failure of that is answered like any other.
        """
        asks, answers = self._handler.request_streaming, self._handler.response_streaming
        decode = self._handler.request_deserializer if asks else None
        encode = self._handler.response_serializer if answers else None
        if asks and answers:
            return grpc.stream_stream_rpc_method_handler(self.converse, decode, encode)
        if asks:
            return grpc.stream_unary_rpc_method_handler(self.collect, decode, encode)
        if answers:
            return grpc.unary_stream_rpc_method_handler(self.follow, decode, encode)
        return grpc.unary_unary_rpc_method_handler(self.answer, decode, encode)

    async def answer(self, data: bytes, call: Call) -> bytes:
        """One request, one answer."""
        running = _Running(self, call)
        try:
            running.begin()
            request = self._decoded(data)
            if self.units is not None:
                running.weigh(self.units(request))
            answer = self._encode(await self._behavior(request, call))
        except BaseException as error:  # noqa: BLE001 - answered, or raised again
            await running.fail(error)
        running.end("OK")
        return answer

    async def collect(self, requests: AsyncIterator[Any], call: Call) -> bytes:
        """A stream of requests, one answer."""
        running = _Running(self, call)
        try:
            running.begin()
            answer = self._encode(await self._behavior(Requests(requests), call))
        except BaseException as error:  # noqa: BLE001 - answered, or raised again
            await running.fail(error)
        running.end("OK")
        return answer

    async def follow(self, data: bytes, call: Call) -> None:
        """One request, a stream of answers; it follows for ever when the client set no deadline."""
        running, follower = _Running(self, call), Interruption()
        try:
            running.begin()
            if math.isinf(context.deadline_remaining_s()):
                self.frame.watch(follower)
            await _write_all(
                self._behavior(self._decoded(data), call), lambda answer: follower.send(call.write(answer))
            )
        except BaseException as error:  # noqa: BLE001 - answered, or raised again
            await running.fail(ShuttingDown() if follower.caused(error) else error)
        finally:
            self.frame.unwatch(follower)
        running.end("OK")

    async def converse(self, requests: AsyncIterator[Any], call: Call) -> None:
        """Requests and answers as they come."""
        running, conversation = _Running(self, call), Requests(requests)
        try:
            running.begin()
            self.frame.watch(conversation)
            await _write_all(self._behavior(conversation, call), call.write)
            conversation.require_whole()
        except BaseException as error:  # noqa: BLE001 - answered, or raised again
            await running.fail(error)
        finally:
            self.frame.unwatch(conversation)
        running.end("OK")

    def observe(self, code: str, seconds: float) -> None:
        """Counts an ended call; the label lookup is made once per code."""
        duration = self._durations.get(code)
        if duration is None:
            duration = self._durations[code] = _DURATION.labels(self.name, code)
        duration.observe(seconds)
        if code in _TELLING:
            self.pace.took(seconds)
        elif code == "DEADLINE_EXCEEDED":
            self.pace.was_late_after(seconds)

    def overloaded(self, refused: Refused) -> Overloaded:
        """What a call is told that is not let in."""
        _SHED.labels(self.name, refused.shed).inc()
        return Overloaded(metadata={"shed_by": refused.shed}, retry_after_s=refused.retry_after_s)

    def _decoded(self, data: bytes) -> Any:
        try:
            return self._decode(data)
        except DecodeError as error:
            raise undecodable() from error


_methods: dict[str, WeakSet[_Method]] = {}


def _count_in_flight(method: _Method) -> None:
    """Lets the gauge ask, so that a call costs it nothing."""
    same = _methods.setdefault(method.name, WeakSet())
    same.add(method)
    _IN_FLIGHT.labels(method.name).set_function(lambda: sum(each.in_flight for each in same))


class _Running:
    """One call, from its admission to its status."""

    __slots__ = ("_actor", "_call", "_late", "_method", "_span", "_started", "_timer", "_units")

    def __init__(self, method: _Method, call: Call) -> None:
        self._started = time.perf_counter()
        self._method = method
        self._call = call
        self._actor = context.ANONYMOUS
        self._units = 0
        self._span: Span | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._late: Interruption | None = None

    def begin(self) -> None:
        """Lets the call in, and tells those who work for it who asks and by when."""
        method = self._method
        asked_s = _remaining_s(self._call)
        remaining_s = method.default_deadline_s if asked_s == math.inf else asked_s
        if method.observed:
            self._enter(remaining_s)
        if remaining_s != asked_s:
            # A deadline of the client's is enforced by gRPC, which cancels the task; only ours needs a timer.
            self._late = Interruption()
            self._timer = asyncio.get_running_loop().call_later(remaining_s, self._late.end)
        context.begin_call(self._actor, remaining_s)

    def weigh(self, units: int) -> None:
        """The request has been read, and is so much work."""
        if units > 1:
            refused = self._method.admission.grow(self._actor, units - 1, self._started)
            if refused is not None:
                raise self._method.overloaded(refused)
            self._units = units

    def end(self, code: str, failure: Failure | None = None) -> None:
        """Counts the call as ended."""
        if self._timer is not None:
            self._timer.cancel()
        method = self._method
        if not method.observed:
            return
        now = time.perf_counter()
        if self._units:
            method.in_flight -= 1
            method.admission.leave(self._actor, self._units, now)
        method.observe(code, now - self._started)
        if self._span is not None:
            telemetry.end_server_span(self._span, code, failure)

    async def fail(self, error: BaseException) -> NoReturn:
        """Ends the call with the status that the error means, or lets it be cancelled."""
        if self._late is not None and self._late.caused(error):
            error = DeadlineExceeded()
        if isinstance(error, asyncio.CancelledError):
            self.end("DEADLINE_EXCEEDED" if _is_late() else "CANCELLED")
        elif isinstance(error, grpc.aio.AbortError) or not isinstance(error, Exception):
            self.end("UNKNOWN")
        else:
            failure = self._failure(error)
            if failure.kind is Kind.RESOURCE_EXHAUSTED and failure.retry_after_s is None:
                failure.retry_after_s = self._method.admission.retry_after_s()
            self.end(failure.kind.name, failure)
            await _abort(self._call, failure, self._method.frame.domain)
        raise error

    def _enter(self, remaining_s: float) -> None:
        """Raises what refuses the call; else counts it, and starts its span."""
        method = self._method
        frame = method.frame
        frame.last_call_at = self._started
        if frame.draining:
            raise ShuttingDown
        if remaining_s <= 0:
            raise DeadlineExceeded
        self._actor, caller, traceparent = _identity(self._call)
        access.require_role(method.callers, caller, method.name)
        refused = method.admission.enter(self._actor, method.pace, remaining_s, self._started)
        if refused is not None:
            raise method.overloaded(refused)
        self._units = 1
        method.in_flight += 1
        self._span = telemetry.start_server_span(method.name, traceparent, may_begin=method.begins_traces)

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
    """pygrpc-native says 'no deadline' by a time that nobody lives to see, as grpcio's older server does."""
    remaining_s: float | None = call.time_remaining()
    return math.inf if remaining_s is None or remaining_s > _NO_DEADLINE_S else remaining_s


def _identity(call: Call) -> tuple[str, str, str]:
    """The actor, who calls (the actor, or a service on its behalf), and the traceparent that came with the call."""
    actor, caller, traceparent = context.ANONYMOUS, "", ""
    for key, value in call.invocation_metadata() or ():
        if key == context.ACTOR_KEY:
            actor = _checked_name(key, value)
        elif key == context.CALLER_KEY:
            caller = _checked_name(key, value)
        elif key == "traceparent":
            traceparent = str(value)
    return actor, caller or actor, traceparent


@lru_cache(1024)
def _checked_name(key: str, value: str | bytes) -> str:
    if isinstance(value, str) and _ACTOR.fullmatch(value):
        return value
    description = "must be kind:name such as staff:ani, the name 1 to 64 characters of A-Z a-z 0-9 . _ -"
    field = f"metadata.{key}"
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


async def _write_all(answers: Any, write: Callable[[Any], Awaitable[None]]) -> None:
    """Sends what the handler yields, and closes it when the call ends first."""
    if isinstance(answers, AsyncGenerator):
        async with aclosing(answers):
            async for answer in answers:
                await write(answer)
    elif isinstance(answers, AsyncIterable):
        async for answer in answers:
            await write(answer)
    else:
        await answers


def _is_late() -> bool:
    return context.deadline_remaining_s() <= LATE_S


def _as_is(message: Any) -> Any:
    return message
