from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from lumbung_kit import clients, context
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind

if TYPE_CHECKING:
    from .conftest import MakeStage, Stage


async def remaining(_request: Any, _call: Any) -> StringValue:
    return StringValue(value=str(context.deadline_remaining_s()))


async def follow_remaining(_request: Any, _call: Any) -> AsyncIterator[StringValue]:
    yield StringValue(value=str(context.deadline_remaining_s()))


async def who(_request: Any, _call: Any) -> StringValue:
    return StringValue(value=context.actor())


async def never(_request: Any, _call: Any) -> StringValue:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_call_without_a_deadline_gets_the_servers(make_stage: MakeStage) -> None:
    stage = await make_stage(default_deadline_s=7)
    stage.probe.ask = remaining
    answer = await (await stage.stub()).ask(StringValue())
    assert float(answer.value) == pytest.approx(7, abs=3)


async def test_a_callers_deadline_is_the_one_that_counts(make_stage: MakeStage) -> None:
    stage = await make_stage(default_deadline_s=7)
    stage.probe.ask = remaining
    answer = await (await stage.stub()).ask(StringValue(), timeout=60)
    assert float(answer.value) == pytest.approx(60, abs=5)


async def test_a_stream_that_follows_has_no_deadline_unless_asked(stage: Stage) -> None:
    stage.probe.follow = follow_remaining
    stub = await stage.stub()
    assert math.isinf(float((await stub.follow(StringValue()).read()).value))
    assert float((await stub.follow(StringValue(), timeout=60).read()).value) == pytest.approx(60, abs=5)


async def test_the_servers_own_deadline_is_answered_and_ends_the_handler(make_stage: MakeStage) -> None:
    stage = await make_stage(default_deadline_s=0.05)
    stage.probe.ask = never
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await (await stage.stub()).ask(StringValue())
    said = failure_from(late.value)
    assert (said.kind, said.reason) == (Kind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_a_callers_deadline_cancels_the_handler(stage: Stage) -> None:
    cancelled = asyncio.Event()

    async def ask(_request: Any, _call: Any) -> StringValue:
        try:
            return await never(_request, _call)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    stage.probe.ask = ask
    with pytest.raises(grpc.aio.AioRpcError) as late:
        # Long enough for the call to have begun, however busy the machine is.
        await (await stage.stub()).ask(StringValue(), timeout=1.0)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await cancelled.wait()


async def test_a_time_out_that_is_not_the_deadlines_is_a_bug(stage: Stage) -> None:
    async def ask(_request: Any, _call: Any) -> StringValue:
        async with asyncio.timeout(0):
            return await never(_request, _call)

    stage.probe.ask = ask
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await (await stage.stub()).ask(StringValue(), timeout=60)
    assert failure_from(error.value).reason == "INTERNAL"


async def test_a_late_call_to_another_service_leaves_time_to_answer(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MARGIN_S_MAX", 9)
    monkeypatch.setattr(clients, "MARGIN_RATIO", 0.9)
    upstream, downstream = await make_stage(), await make_stage()
    downstream.probe.ask = never
    further = await downstream.our_stub()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        answer: StringValue = await further.ask(request)
        return answer

    upstream.probe.ask = ask
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await (await upstream.stub()).ask(StringValue(), timeout=10)
    said = failure_from(late.value)
    assert (said.kind, said.reason) == (Kind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_a_call_made_for_nobody_has_five_seconds(stage: Stage) -> None:
    stage.probe.ask, stage.probe.follow = remaining, follow_remaining
    stub = await stage.our_stub()
    assert 0 < float((await stub.ask(StringValue())).value) < 5.5
    assert 60 < float((await stub.ask(StringValue(), timeout=100)).value) < 110
    assert math.isinf(float((await stub.follow(StringValue()).read()).value))


async def test_what_the_caller_asks_never_outlives_the_call_it_works_for(stage: Stage) -> None:
    stage.probe.ask, stage.probe.follow = remaining, follow_remaining
    stub = await stage.our_stub()
    with context.within(2):
        assert float((await stub.ask(StringValue(), timeout=60)).value) < 2.1
        assert float((await stub.follow(StringValue()).read()).value) < 2.1


async def test_the_actor_is_who_the_metadata_says(stage: Stage) -> None:
    stage.probe.ask = who
    stub = await stage.stub()
    assert (await stub.ask(StringValue())).value == "anonymous"
    metadata = (("lumbung-actor", "terminal:cart-3"),)
    assert (await stub.ask(StringValue(), metadata=metadata)).value == "terminal:cart-3"
    assert (await stub.ask(StringValue())).value == "anonymous"


@pytest.mark.parametrize("actor", ["ani", "staff:", "Staff:ani", "staff:a b", "staff:" + "x" * 65, ""])
async def test_a_malformed_actor_is_bad_input_that_names_it(stage: Stage, actor: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (await stage.stub()).ask(StringValue(), metadata=(("lumbung-actor", actor),))
    said = failure_from(refused.value)
    assert (said.kind, said.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [violation.field for violation in said.fields] == ["metadata.lumbung-actor"]


async def test_a_service_acts_as_itself_or_for_the_actor_of_the_call(stage: Stage) -> None:
    stage.probe.ask = who
    stub = await stage.our_stub("service:fulfillment")
    assert (await stub.ask(StringValue())).value == "service:fulfillment"
    with context.acting_as("terminal:cart-3"):
        assert (await stub.ask(StringValue())).value == "terminal:cart-3"
