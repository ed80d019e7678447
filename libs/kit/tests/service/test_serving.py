"""Health, reflection, loops, and how a server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from lumbung_kit import serving
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind, StoreUnavailable

if TYPE_CHECKING:
    from .conftest import MakeStage, Stage

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health_of(stage: Stage, service: str) -> int:
    stub: Any = health_pb2_grpc.HealthStub(await stage.plain())
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    return int(answer.status)


@pytest.mark.parametrize("service", ["", "probe.v1.ProbeService", "live"])
async def test_health_answers_for_the_whole_each_service_and_the_process(stage: Stage, service: str) -> None:
    assert await health_of(stage, service) == SERVING


async def test_health_of_an_unknown_service_is_not_found(stage: Stage) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await health_of(stage, "nobody")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_follows_the_stores(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "READY_INTERVAL_S", 0.01)
    reachable = False

    async def ready() -> None:
        if not reachable:
            raise StoreUnavailable

    stage = await make_stage(ready=ready)
    assert await health_of(stage, "") == NOT_SERVING
    assert await health_of(stage, "live") == SERVING
    stub: Any = health_pb2_grpc.HealthStub(await stage.plain())
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="probe.v1.ProbeService"))
    assert (await watch.read()).status == NOT_SERVING
    reachable = True
    assert (await watch.read()).status == SERVING
    reachable = False
    assert (await watch.read()).status == NOT_SERVING


async def test_stores_that_do_not_answer_are_not_ready(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "READY_TIMEOUT_S", 0.01)

    async def ready() -> None:
        await asyncio.Event().wait()

    assert await health_of(await make_stage(ready=ready), "") == NOT_SERVING


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_the_services(stage: Stage, version: str) -> None:
    channel = await stage.plain()
    ask: Any = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
    ]
    services, file = [answer async for answer in ask(iter(requests))]
    names = {service.name for service in services.list_services_response.service}
    assert {"probe.v1.ProbeService", "grpc.health.v1.Health"} <= names
    assert file.file_descriptor_response.file_descriptor_proto


async def test_two_servers_cannot_share_a_port_by_mistake(stage: Stage, make_stage: MakeStage) -> None:
    with pytest.raises(serving.CannotStart, match="is another program listening there"):
        await make_stage(listen=stage.server.address)


async def test_a_request_above_one_megabyte_is_refused(stage: Stage) -> None:
    stub = await stage.stub()
    assert len((await stub.ask(StringValue(value="x" * 1_000_000))).value) == 1_000_000
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.ask(StringValue(value="x" * 1_100_000))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_loop_that_fails_or_returns_is_started_again(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "RESTART_S_MIN", 0.001)
    runs = 0
    third = asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise LookupError("lost")
        if runs == 3:
            third.set()
            await asyncio.Event().wait()

    await make_stage(serving.Loop("flaky", run))
    await third.wait()


async def test_stop_cancels_the_loops_and_waits_for_them(make_stage: MakeStage) -> None:
    begun = asyncio.Event()
    cleaned = False

    async def run() -> None:
        nonlocal cleaned
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned = True

    stage = await make_stage(serving.Loop("tidy", run))
    await begun.wait()
    await stage.server.stop()
    assert cleaned


async def test_stop_lets_accepted_calls_finish_and_takes_no_more(stage: Stage) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        if request.value == "kept":
            begun.set()
            await release.wait()
        return request

    stage.probe.ask = ask
    stub = await stage.stub()
    accepted = asyncio.ensure_future(stub.ask(StringValue(value="kept"), timeout=60))
    await begun.wait()
    stopping = asyncio.create_task(stage.server.stop(30))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        while True:
            await stub.ask(StringValue(value="late"))
    assert failure_from(error.value).reason == "SHUTTING_DOWN"
    assert not stopping.done()
    release.set()
    assert (await accepted).value == "kept"
    await stopping


async def test_a_stop_that_is_cancelled_ends_calls_and_loops_at_once(make_stage: MakeStage) -> None:
    begun, loop_ended = asyncio.Event(), False

    async def run() -> None:
        nonlocal loop_ended
        try:
            await asyncio.Event().wait()
        finally:
            loop_ended = True

    async def ask(request: StringValue, _call: Any) -> StringValue:
        begun.set()
        await asyncio.Event().wait()
        return request

    stage = await make_stage(serving.Loop("still there", run))
    stage.probe.ask = ask
    stub = await stage.stub()
    for_ever = asyncio.ensure_future(stub.ask(StringValue(), timeout=600))
    await begun.wait()
    stopping = asyncio.create_task(stage.server.stop(600))
    await stage.server.draining.wait()
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert loop_ended
    with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
        await for_ever


async def test_whoever_keeps_calling_a_server_that_stops_is_told_to_try_elsewhere(stage: Stage) -> None:
    """grpcio alone would answer CANCELLED to calls that it has not looked at, and nobody retries that."""
    stub = await stage.our_stub()
    ended: list[grpc.StatusCode] = []

    async def keep_calling() -> None:
        try:
            while True:
                await stub.ask(StringValue(value="on"))
        except grpc.aio.AioRpcError as error:
            ended.append(error.code())

    async with asyncio.TaskGroup() as callers:
        for _ in range(64):
            callers.create_task(keep_calling())
        await stub.ask(StringValue(value="under way"))
        await stage.server.stop()
    assert ended == [grpc.StatusCode.UNAVAILABLE] * 64


async def test_stop_ends_a_stream_that_follows_and_says_why(stage: Stage) -> None:
    async def follow(_request: Any, _call: Any) -> AsyncIterator[StringValue]:
        yield StringValue(value="first")
        await asyncio.Event().wait()

    stage.probe.follow = follow
    stream = (await stage.stub()).follow(StringValue())
    await stream.read()
    async with asyncio.timeout(60):
        await stage.server.stop(60)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stream.read()
    said = failure_from(error.value)
    assert (said.kind, said.reason) == (Kind.UNAVAILABLE, "SHUTTING_DOWN")


async def test_stop_lets_a_conversation_answer_what_it_has_read(stage: Stage) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def converse(requests: AsyncIterator[StringValue], _call: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            begun.set()
            await release.wait()
            yield StringValue(value=f"done {request.value}")

    stage.probe.converse = converse
    talk = (await stage.stub()).converse()
    await talk.write(StringValue(value="one"))
    await begun.wait()
    stopping = asyncio.create_task(stage.server.stop(60))
    await asyncio.sleep(0)
    release.set()
    assert (await talk.read()).value == "done one"
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await talk.read()
    assert failure_from(error.value).reason == "SHUTTING_DOWN"
    async with asyncio.timeout(60):
        await stopping


async def test_stop_wakes_a_conversation_that_waits_for_the_client(stage: Stage) -> None:
    talk = (await stage.stub()).converse()
    await talk.write(StringValue(value="one"))
    assert (await talk.read()).value == "one"
    async with asyncio.timeout(60):
        await stage.server.stop(60)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await talk.read()
    assert failure_from(error.value).reason == "SHUTTING_DOWN"


async def test_stop_ends_the_watchers_of_health(stage: Stage) -> None:
    stub: Any = health_pb2_grpc.HealthStub(await stage.plain())
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert (await watch.read()).status == SERVING
    async with asyncio.timeout(60):
        await stage.server.stop(60)
