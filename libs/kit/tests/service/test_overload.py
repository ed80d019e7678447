"""More to do than can be done: who is refused, with which reason, and what goes on all the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lumbung_kit import metrics
from lumbung_kit.admission import BUSY
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import Kind

from .conftest import SERVICE, calls_in_flight, until_idle

if TYPE_CHECKING:
    from .conftest import MakeStage, Stage, Stub

WEB = (("lumbung-actor", "storefront:web"),)
APP = (("lumbung-actor", "storefront:app"),)
CROWD_S_MAX = 60.0
"""A crowd may take so long to be there; whoever was let in first waits as long, and is not to be late meanwhile."""


async def refused(call: Any) -> RemoteFailure:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return failure_from(error.value)


class Workshop:
    """Every call to Ask waits here until the test lets it go on."""

    def __init__(self, stage: Stage) -> None:
        self.open = asyncio.Event()
        stage.probe.ask = self.ask

    async def ask(self, request: StringValue, _call: Any) -> StringValue:
        await self.open.wait()
        return request

    async def crowd(self, stub: Stub, count: int, **options: Any) -> list[Any]:
        """So many calls; returns when each is inside or refused."""
        ended: list[Any] = []

        async def call() -> None:
            try:
                ended.append(await stub.ask(StringValue(), **options))
            except grpc.aio.AioRpcError as error:
                ended.append(failure_from(error))

        before = calls_in_flight()
        self.calls = [asyncio.create_task(call()) for _ in range(count)]
        async with asyncio.timeout(CROWD_S_MAX):
            while calls_in_flight() - before + len(ended) < count:
                await asyncio.sleep(0)
        return ended


def shed(reason: str) -> float:
    labels = {"rpc_method": f"{SERVICE}/Ask", "reason": reason}
    return metrics.REGISTRY.get_sample_value("rpc_server_shed_calls_total", labels) or 0


def ended(code: str) -> float:
    labels = {"rpc_method": f"{SERVICE}/Ask", "code": code}
    return metrics.REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0


async def test_ten_times_too_many_are_refused_at_once_while_the_admitted_go_on(make_stage: MakeStage) -> None:
    stage = await make_stage(max_concurrent_rpcs=200, default_deadline_s=CROWD_S_MAX)
    workshop, before = Workshop(stage), shed("in_flight") + shed("fair_share")
    said = await workshop.crowd(await stage.stub(), 2000, metadata=WEB)
    assert len(said) == 1820
    assert {(each.kind, each.reason) for each in said} == {(Kind.RESOURCE_EXHAUSTED, "OVERLOADED")}
    assert all(0 < each.retry_after_s < 7.5 for each in said)
    assert len({each.retry_after_s for each in said}) > 100
    assert shed("in_flight") + shed("fair_share") - before == 1820
    workshop.open.set()
    await asyncio.gather(*workshop.calls)
    assert len(said) == 2000
    await until_idle()


async def test_the_flood_of_one_leaves_room_for_another(make_stage: MakeStage) -> None:
    stage = await make_stage(max_concurrent_rpcs=200, default_deadline_s=CROWD_S_MAX)
    workshop = Workshop(stage)
    stub = await stage.stub()
    flood = await workshop.crowd(stub, 500, metadata=WEB)
    assert Counter(each.metadata["shed_by"] for each in flood) == {"fair_share": 320}
    flood_calls = workshop.calls
    assert await workshop.crowd(stub, 20, metadata=APP) == []
    workshop.open.set()
    await asyncio.gather(*flood_calls, *workshop.calls)


async def test_a_call_that_cannot_be_in_time_is_refused_before_any_work(make_stage: MakeStage) -> None:
    # The deadline is the server's own: a client's would come with a cancellation, which says nothing of the pace.
    stage = await make_stage(max_concurrent_rpcs=1000, default_deadline_s=1.0)
    workshop = Workshop(stage)
    stub = await stage.stub()
    before = ended("DEADLINE_EXCEEDED")
    await workshop.crowd(stub, BUSY)
    await asyncio.gather(*workshop.calls)
    await until_idle()
    assert ended("DEADLINE_EXCEEDED") - before == BUSY
    assert await workshop.crowd(stub, BUSY, timeout=300) == []
    async with asyncio.timeout(CROWD_S_MAX):  # each that is let in and is late makes the estimate surer
        while (await refused(stub.ask(StringValue()))).reason != "OVERLOADED":
            pass
    hopeless = [await refused(stub.ask(StringValue())) for _ in range(10)]
    shed = [each for each in hopeless if each.reason == "OVERLOADED"]
    assert len(shed) >= len(hopeless) - 1, "one in sixteen may try, so that the estimate can recover"
    assert {each.metadata.get("shed_by") for each in shed} == {"deadline"}
    assert all(each.retry_after_s for each in shed)
    patient = asyncio.ensure_future(stub.ask(StringValue(value="patient"), timeout=300))
    workshop.open.set()
    assert (await patient).value == "patient"
    await asyncio.gather(*workshop.calls)


async def test_health_is_answered_whatever_the_load(make_stage: MakeStage) -> None:
    stage = await make_stage(max_concurrent_rpcs=1)
    workshop = Workshop(stage)
    said = await workshop.crowd(await stage.stub(), 2)
    assert [each.reason for each in said] == ["OVERLOADED"]
    health: Any = health_pb2_grpc.HealthStub(await stage.plain())
    answer = await health.Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    workshop.open.set()
    await asyncio.gather(*workshop.calls)


async def test_a_batch_takes_as_many_places_as_it_has_items(make_stage: MakeStage) -> None:
    stage = await make_stage(max_concurrent_rpcs=10, units={"Ask": lambda request: len(request.value)})
    workshop = Workshop(stage)
    stub = await stage.stub()
    eight = asyncio.ensure_future(stub.ask(StringValue(value="x" * 8)))
    while not calls_in_flight():
        await asyncio.sleep(0)
    said = await refused(stub.ask(StringValue(value="x" * 8), metadata=WEB))
    assert (said.reason, said.metadata["shed_by"]) == ("OVERLOADED", "in_flight")
    two = asyncio.ensure_future(stub.ask(StringValue(value="x" * 2), metadata=WEB))
    workshop.open.set()
    assert [len((await each).value) for each in (eight, two)] == [8, 2]
    await until_idle()


async def test_so_many_streams_may_be_open_and_no_more(make_stage: MakeStage) -> None:
    stage = await make_stage(max_open_streams=3)
    stub = await stage.stub()

    async def for_ever(request: StringValue, _call: Any) -> AsyncIterator[StringValue]:
        yield request
        await asyncio.Event().wait()

    stage.probe.follow = for_ever
    streams = [stub.follow(StringValue()) for _ in range(3)]
    for stream in streams:
        await stream.read()
    assert (await refused(stub.follow(StringValue()).read())).reason == "OVERLOADED"
    streams[0].cancel()
    async with asyncio.timeout(CROWD_S_MAX):
        while calls_in_flight() == 3:
            await asyncio.sleep(0)
    assert await stub.follow(StringValue()).read() == StringValue()


async def test_more_calls_than_allowed_are_overload_with_a_time_to_retry(make_stage: MakeStage) -> None:
    stage = await make_stage(max_concurrent_rpcs=2)
    both, release = asyncio.Barrier(3), asyncio.Event()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        await both.wait()
        await release.wait()
        return request

    stage.probe.ask = ask
    stub = await stage.stub()
    admitted = [asyncio.ensure_future(stub.ask(StringValue(value=str(number)))) for number in range(2)]
    await both.wait()
    said = await refused(stub.ask(StringValue()))
    assert (said.kind, said.reason) == (Kind.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert said.retry_after_s
    release.set()
    assert [answer.value for answer in await asyncio.gather(*admitted)] == ["0", "1"]


async def test_a_burst_within_the_limit_is_answered_to_the_last_call(make_stage: MakeStage) -> None:
    """gRPC's core, left alone, cancels calls at random when a thousand wait to be taken up."""
    stage = await make_stage(max_concurrent_rpcs=4000)
    stub = await stage.our_stub()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        await asyncio.sleep(0)
        return request

    stage.probe.ask = ask
    answers = await asyncio.gather(*(stub.ask(StringValue(value=str(number))) for number in range(2500)))
    assert [answer.value for answer in answers] == [str(number) for number in range(2500)]


async def test_streams_without_an_end_take_no_place_from_calls(make_stage: MakeStage) -> None:
    stage = await make_stage(max_concurrent_rpcs=2)
    stub = await stage.stub()

    async def for_ever(request: StringValue, _call: Any) -> AsyncIterator[StringValue]:
        yield request
        await asyncio.Event().wait()

    stage.probe.follow = for_ever
    streams = [stub.follow(StringValue(value="x")) for _ in range(5)]
    for stream in streams:
        assert (await stream.read()).value == "x"

    answers = await asyncio.gather(*(stub.ask(StringValue(value="y")) for _ in range(2)))

    assert [answer.value for answer in answers] == ["y", "y"]
    for stream in streams:
        stream.cancel()
