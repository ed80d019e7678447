"""A service whose answers the test makes up, served over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Protocol

import grpc
import pytest
import pytest_asyncio
from google.protobuf.wrappers_pb2 import StringValue
from pydantic import SecretStr

from lumbung_kit import clients, metrics, serving
from lumbung_kit.access import ANYBODY, Roles
from lumbung_kit.settings import Engine, ServiceSettings

SERVICE = "probe.v1.ProbeService"
METHODS = ("Ask", "Follow", "Collect", "Converse", "Unserved", "UnservedStream")
OPEN = dict.fromkeys(METHODS, ANYBODY)


async def _echo(request: StringValue, _call: Any) -> StringValue:
    return request


async def _echo_all(requests: AsyncIterator[StringValue], _call: Any) -> AsyncIterator[StringValue]:
    async for request in requests:
        yield request


async def _join(requests: AsyncIterator[StringValue], _call: Any) -> StringValue:
    return StringValue(value=",".join([request.value async for request in requests]))


async def _letters(request: StringValue, _call: Any) -> AsyncIterator[StringValue]:
    for letter in request.value:
        yield StringValue(value=letter)


class Probe:
    """The servicer. A test replaces what it needs."""

    def __init__(self) -> None:
        self.ask: Callable[..., Any] = _echo
        self.follow: Callable[..., Any] = _letters
        self.collect: Callable[..., Any] = _join
        self.converse: Callable[..., Any] = _echo_all

    def unserved(self, _request: StringValue, call: grpc.ServicerContext) -> StringValue:
        """What the generator makes of a method that nobody overrides."""
        call.set_code(grpc.StatusCode.UNIMPLEMENTED)
        call.set_details("Method not implemented!")
        raise NotImplementedError("Method not implemented!")


def add(probe: Probe, server: grpc.aio.Server) -> None:
    def now(name: str) -> Callable[..., Any]:
        def handler(request: Any, call: Any) -> Any:
            return getattr(probe, name)(request, call)

        return handler

    messages = StringValue.FromString, StringValue.SerializeToString
    handlers: dict[str, Any] = {
        "Ask": grpc.unary_unary_rpc_method_handler(now("ask"), *messages),
        "Follow": grpc.unary_stream_rpc_method_handler(now("follow"), *messages),
        "Collect": grpc.stream_unary_rpc_method_handler(now("collect"), *messages),
        "Converse": grpc.stream_stream_rpc_method_handler(now("converse"), *messages),
        "Unserved": grpc.unary_unary_rpc_method_handler(probe.unserved, *messages),
        "UnservedStream": grpc.unary_stream_rpc_method_handler(probe.unserved, *messages),
    }
    server.add_registered_method_handlers(SERVICE, handlers)


class Stub:
    """What the generator would make for a client."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        messages = StringValue.SerializeToString, StringValue.FromString
        self.ask: Any = channel.unary_unary(f"/{SERVICE}/Ask", *messages)
        self.ask_bytes: Any = channel.unary_unary(f"/{SERVICE}/Ask")
        self.follow: Any = channel.unary_stream(f"/{SERVICE}/Follow", *messages)
        self.collect: Any = channel.stream_unary(f"/{SERVICE}/Collect", *messages)
        self.converse: Any = channel.stream_stream(f"/{SERVICE}/Converse", *messages)
        self.unserved: Any = channel.unary_unary(f"/{SERVICE}/Unserved", *messages)
        self.unserved_stream: Any = channel.unary_stream(f"/{SERVICE}/UnservedStream", *messages)


class Stage:
    """A running probe service with ways to call it."""

    def __init__(self, probe: Probe, server: serving.RunningServer, stack: AsyncExitStack) -> None:
        self.probe = probe
        self.server = server
        self._stack = stack

    async def plain(self, **options: int) -> grpc.aio.Channel:
        """A channel that adds nothing of ours."""
        channel = grpc.aio.insecure_channel(self.server.address, options=tuple(options.items()))
        return await self._stack.enter_async_context(channel)

    async def ours(self, actor: str = "service:probe") -> grpc.aio.Channel:
        """A channel as services open it."""
        return await self._stack.enter_async_context(clients.open_channel(self.server.address, actor=actor))

    async def stub(self) -> Stub:
        return Stub(await self.plain())

    async def our_stub(self, actor: str = "service:probe") -> Stub:
        return Stub(await self.ours(actor))


def calls_in_flight() -> float:
    """Of every service in this process."""
    (family,) = metrics.gauge("rpc_server_calls_in_flight", "", ["rpc_method"]).collect()
    return sum(sample.value for sample in family.samples)


async def until_idle() -> None:
    """Waits until no call is in flight."""
    async with asyncio.timeout(60):
        while calls_in_flight():
            await asyncio.sleep(0)


class MakeStage(Protocol):
    def __call__(
        self,
        *loops: serving.Loop,
        ready: Callable[[], Awaitable[None]] | None = None,
        units: Mapping[str, Callable[[Any], int]] | None = None,
        callers: Mapping[str, Roles] | None = None,
        **settings: Any,
    ) -> Awaitable[Stage]: ...


@pytest.fixture(params=list(Engine))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Every test of a served service runs on both engines."""
    chosen: Engine = request.param
    return chosen


@pytest_asyncio.fixture
async def make_stage(engine: Engine) -> AsyncIterator[MakeStage]:
    """Starts a probe service with other settings; several may run at once."""
    async with AsyncExitStack() as stack:

        async def make(
            *loops: serving.Loop,
            ready: Callable[[], Awaitable[None]] | None = None,
            units: Mapping[str, Callable[[Any], int]] | None = None,
            callers: Mapping[str, Roles] | None = None,
            **settings: Any,
        ) -> Stage:
            probe = Probe()
            app = serving.App(
                [serving.Service(add, probe, SERVICE, units or {}, callers or OPEN)], loops, ready
            )
            chosen = ServiceSettings(
                postgres_url=SecretStr("unused"), **{"server_engine": engine, **settings}
            )
            server = await serving.start("probe", chosen, app)
            stack.push_async_callback(server.stop, 0)
            return Stage(probe, server, stack)

        yield make


@pytest_asyncio.fixture
async def stage(make_stage: MakeStage) -> Stage:
    return await make_stage()
