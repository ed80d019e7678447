"""Starts, supervises and stops one service: gRPC server, health, reflection, background loops, SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeVar

import grpc
import uvloop
from google.protobuf.internal import api_implementation
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha.reflection import aio as reflection_aio

from lumbung_kit import engines, logs, loops, metrics, telemetry
from lumbung_kit import settings as kit_settings
from lumbung_kit.access import Roles
from lumbung_kit.failures import Failure
from lumbung_kit.frame import Frame
from lumbung_kit.migrations import SchemaVersionError
from lumbung_kit.settings import ServiceSettings

T = TypeVar("T")
S = TypeVar("S", bound=ServiceSettings)

READY_INTERVAL_S: Final = 1.0
READY_TIMEOUT_S: Final = 2.0
LAG_INTERVAL_S: Final = 0.2
LAG_SLEEP_S: Final = 0.05
RESTART_S_MIN: Final = 0.1
RESTART_S_MAX: Final = 10.0
QUIET_S_MAX: Final = 1.0
"""How long a server that stops goes on refusing calls, if they keep coming, before it closes its connections."""
COLLECT_AFTER: Final = (20_000, 20, 20)
"""New objects between two looks for cycles, and looks at the young ones between those at older ones. Calls leave hardly
any cycles, and Python's own 700 cost a tenth of a busy service's time."""
STEADY_S: Final = 30.0
"""A loop that ran this long before it failed is restarted as quickly as the first time."""
LIVE: Final = "live"
"""The health name that answers for the process alone; every other one answers for its stores too."""

_log = logs.get_logger(__name__)
_RESTARTS = metrics.counter("loop_restarts", "Background loops that ended and were started again", ["loop"])
_LAG = metrics.histogram("event_loop_lag_seconds", "How late the event loop comes back to what is due")
_READY = metrics.gauge("service_ready", "1 while the service's stores can be reached", ["service"])


@dataclass(frozen=True)
class Service:
    """A gRPC service: the generated function that adds it, its servicer, its full name with the package.

    `units` says of a unary method how much work a request is, where that is more than one unit (a batch). `callers`
    says who may call what is in no contract; the contract says it of everything else.
    """

    add: Callable[[Any, Any], None]
    servicer: object
    full_name: str
    units: Mapping[str, Callable[[Any], int]] = field(default_factory=dict)
    callers: Mapping[str, Roles] = field(default_factory=dict)


@dataclass(frozen=True)
class Loop:
    """A coroutine that runs for ever; when it raises or returns it is logged, counted and started again."""

    name: str
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class App:
    """What a service consists of. `ready` raises while the stores cannot be reached."""

    services: Sequence[Service]
    loops: Sequence[Loop] = ()
    ready: Callable[[], Awaitable[None]] | None = None


class CannotStart(Exception):  # noqa: N818 - a sentence for the person who starts the service
    """The service cannot start, for a reason that its operator can mend."""


class RunningServer:
    """A server that answers, with its loops. Made by `start`."""

    def __init__(
        self,
        server: grpc.aio.Server,
        address: str,
        frame: Frame,
        health: Health,
        drain_s: float,
    ) -> None:
        self.address = address
        self.port = int(address.rpartition(":")[2])
        self.service_names = frame.service_names()
        self.draining = asyncio.Event()
        """Set once `stop` takes no more calls."""
        self._server = server
        self._frame = frame
        self._health = health
        self._drain_s = drain_s
        self._loops: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` until the server stops."""
        self._loops.add(asyncio.create_task(work, name=name))

    async def stop(self, grace_s: float | None = None) -> None:
        """Says NOT_SERVING, takes no more calls, lets those in flight finish, and then stops the loops.

        Calls have `grace_s` (else the settings' `drain_s`); streams without an end get SHUTTING_DOWN at once.
        A stop that is cancelled ends everything at once.
        """
        grace_s = self._drain_s if grace_s is None else grace_s
        try:
            await self._health.leave()
            self._frame.drain()
            self.draining.set()
            await self._frame.until_quiet(min(grace_s, QUIET_S_MAX))
            await self._server.stop(grace_s)
        finally:
            # Also when whoever stops it is cancelled meanwhile: what the loops use is closed next.
            await self._server.stop(0)
            await loops.end(self._loops)
            self._loops.clear()


class Health:
    """Health: each of our services, and the whole under the empty name, are as ready as the app."""

    def __init__(self, service: str, app: App) -> None:
        self._service = service
        self._ready = app.ready
        self._names = ("", *(each.full_name for each in app.services))
        self._servicer = health_aio.HealthServicer()
        self._was_ready: bool | None = None

    def add_to(self, frame: Frame) -> None:
        """Serves it."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, frame)

    async def check(self) -> None:
        """Asks the app once, and tells everybody if the answer has changed."""
        problem = await self._problem()
        ready = problem is None
        if ready == self._was_ready:
            return
        self._was_ready = ready
        _READY.labels(self._service).set(ready)
        status = (
            health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        await self._servicer.set(LIVE, health_pb2.HealthCheckResponse.SERVING)
        for name in self._names:
            await self._servicer.set(name, status)
        if ready:
            _log.info("ready")
        else:
            _log.warning("not ready", problem=problem)

    async def watch(self) -> NoReturn:
        """Checks for ever."""
        while True:
            await asyncio.sleep(READY_INTERVAL_S)
            await self.check()

    async def leave(self) -> None:
        """NOT_SERVING from now on."""
        await self._servicer.enter_graceful_shutdown()

    async def _problem(self) -> str | None:
        if self._ready is None:
            return None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                await self._ready()
        except TimeoutError:
            return f"no answer within {READY_TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, the stores cannot be used
            return f"{type(error).__name__}: {error}"
        return None


async def start(name: str, settings: ServiceSettings, app: App) -> RunningServer:
    """Serves the app at `settings.listen` and starts its loops; returns when calls are answered."""
    health = Health(name, app)
    frame = _frame(name, settings, app, health)
    server = engines.make_server(settings)
    frame.serve_on(server)
    address = _bind(server, settings.listen)
    await health.check()
    await server.start()
    running = RunningServer(server, address, frame, health, settings.drain_s)
    running.run("readiness", health.watch())
    running.run("lag", loops.every(LAG_INTERVAL_S, _observe_lag))
    for loop in app.loops:
        running.run(loop.name, _supervise(loop))
    _log.info("serving", address=address)
    return running


def _frame(name: str, settings: ServiceSettings, app: App, health: Health) -> Frame:
    frame = Frame(
        name,
        default_deadline_s=settings.default_deadline_s,
        max_concurrent_rpcs=settings.max_concurrent_rpcs,
        max_open_streams=settings.max_open_streams,
    )
    for service in app.services:
        service.add(service.servicer, frame)
        frame.require(service.full_name)
        for method, units in service.units.items():
            frame.weigh(service.full_name, method, units)
        frame.open(service.full_name, service.callers)
    health.add_to(frame)
    _add_reflection(frame, [service.full_name for service in app.services])
    return frame


def _bind(server: grpc.aio.Server, listen: str) -> str:
    host = listen.rpartition(":")[0]
    try:
        return f"{host}:{server.add_insecure_port(listen)}"
    except RuntimeError as error:
        raise CannotStart(
            f"Nothing can be served at {listen}: is another program listening there?"
        ) from error


def _add_reflection(frame: Frame, names: list[str]) -> None:
    """Reflection v1alpha, and v1: its messages are the same on the wire, and newer clients ask it first."""
    served = [*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME]
    handler = grpc.stream_stream_rpc_method_handler(
        reflection_aio.ReflectionServicer(served).ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in (reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection"):
        frame.add_registered_method_handlers(name, {"ServerReflectionInfo": handler})


async def _observe_lag() -> None:
    """How much later than asked a sleep ends: what everything else in this process waits for its turn."""
    due = time.perf_counter() + LAG_SLEEP_S
    await asyncio.sleep(LAG_SLEEP_S)
    _LAG.observe(max(0.0, time.perf_counter() - due))


async def _supervise(loop: Loop) -> NoReturn:
    pause_s = RESTART_S_MIN
    while True:
        started = time.monotonic()
        try:
            await loop.run()
            _log.warning("loop returned", loop=loop.name)
        except Exception:  # noqa: BLE001 - logged, counted, and tried again
            _log.exception("loop failed", loop=loop.name)
        _RESTARTS.labels(loop.name).inc()
        if time.monotonic() - started > STEADY_S:
            pause_s = RESTART_S_MIN
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
        pause_s = min(pause_s * 2, RESTART_S_MAX)


def main(name: str, settings_cls: type[S], build: Callable[[S, AsyncExitStack], Awaitable[App]]) -> NoReturn:
    """Runs the service until SIGTERM or SIGINT, then exits with 0; with 2 and a sentence if it cannot start.

    `build` makes the app, and enters what must be closed into the stack; it is closed after the last call and
    the last loop have ended.
    """
    settings = kit_settings.load(settings_cls)
    logs.setup(name, settings.log_level, settings.log_json)
    try:
        _require_upb()
        _start_telemetry(name, settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(name, settings, build))
    except CannotStart as error:
        sys.stderr.write(f"{name}: {error}\n")
        raise SystemExit(2) from None
    finally:
        telemetry.shutdown()
    raise SystemExit(0)


def _require_upb() -> None:
    if api_implementation.Type() != "upb":
        raise CannotStart("protobuf runs in pure Python, a third slower; install a wheel with upb.")


def _start_telemetry(name: str, settings: ServiceSettings) -> None:
    try:
        telemetry.setup(name, settings)
    except OSError as error:
        raise CannotStart(
            f"Metrics cannot be served at {settings.metrics_listen}: {error.strerror}."
        ) from error


async def _serve(name: str, settings: S, build: Callable[[S, AsyncExitStack], Awaitable[App]]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as resources:
        app = await _unless(stop, _built(build(settings, resources)))
        if app is None:
            return
        running = await start(name, settings, app)
        _collect_rarely()
        await stop.wait()
        _log.info("stopping")
        await running.stop()
    _log.info("stopped")


def _collect_rarely() -> None:
    """What was made at the start stays to the end: no look for cycles goes there again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _built(app: Awaitable[App]) -> App:
    try:
        return await app
    except Failure as failure:
        raise CannotStart(failure.message) from failure
    except SchemaVersionError as error:
        raise CannotStart(str(error)) from error


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of the work, or None if the stop came first; then the work is cancelled."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
        return None
    return working.result()
