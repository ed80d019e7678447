"""Who may call: by what they say of themselves, or by the service that calls on their behalf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from lumbung_kit import context
from lumbung_kit.access import NOBODY
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.context import acting_as
from lumbung_kit.failures import Kind
from lumbung_kit.testing import heard_of

if TYPE_CHECKING:
    from .conftest import MakeStage, Stage, Stub

METHODS = ("Ask", "Follow", "Collect", "Converse")
FOR_STAFF = dict.fromkeys(METHODS, frozenset({"staff", "service"}))


async def who(_request: Any, _call: Any) -> StringValue:
    return StringValue(value=context.actor())


async def staffed(make_stage: MakeStage) -> Stage:
    stage = await make_stage(callers=FOR_STAFF)
    stage.probe.ask = who
    return stage


async def refusal(stub: Stub, **options: object) -> RemoteFailure:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ask(StringValue(), **options)
    return failure_from(caught.value)


async def test_the_role_that_a_method_is_for_gets_its_answer(make_stage: MakeStage) -> None:
    stub = await (await staffed(make_stage)).our_stub("staff:ani")
    assert (await stub.ask(StringValue())).value == "staff:ani"


@pytest.mark.parametrize("caller", ["storefront:web", "staffing:ani", "terminal:staff"])
async def test_another_role_is_refused_and_told_for_whom_it_is(make_stage: MakeStage, caller: str) -> None:
    failure = await refusal(await (await staffed(make_stage)).our_stub(caller))
    assert (failure.kind, failure.reason) == (Kind.PERMISSION_DENIED, "WRONG_ROLE")
    assert failure.metadata == {
        "rpc_method": "probe.v1.ProbeService/Ask",
        "allowed_roles": "service,staff",
        "role": caller.partition(":")[0],
    }


async def test_who_does_not_say_who_it_is_is_told_how(make_stage: MakeStage) -> None:
    failure = await refusal(await (await staffed(make_stage)).stub())
    assert (failure.kind, failure.reason) == (Kind.UNAUTHENTICATED, "CALLER_MISSING")
    assert "lumbung-actor" in failure.message


async def test_a_method_that_is_for_nobody_is_refused_to_all(make_stage: MakeStage) -> None:
    stage = await make_stage(callers=dict.fromkeys(METHODS, NOBODY))
    for caller in ("staff:ani", "operator:root", "service:probe"):
        assert (await refusal(await stage.our_stub(caller))).reason == "WRONG_ROLE"


async def test_a_service_that_calls_for_somebody_is_judged_as_the_service(make_stage: MakeStage) -> None:
    """And the change is still theirs."""
    stage = await staffed(make_stage)
    stub = await stage.our_stub("service:probe")
    with acting_as("terminal:cart-3"):
        assert (await stub.ask(StringValue())).value == "terminal:cart-3"
    other = await stage.our_stub("terminal:cart-3")
    with acting_as("staff:ani"):
        assert (await refusal(other)).reason == "WRONG_ROLE"


async def test_a_malformed_caller_is_named(make_stage: MakeStage) -> None:
    stub = await (await staffed(make_stage)).stub()
    failure = await refusal(stub, metadata=(("lumbung-actor", "staff:ani"), ("lumbung-caller", "service")))
    assert (failure.reason, failure.fields[0].field) == ("BAD_INPUT", "metadata.lumbung-caller")


async def test_streams_are_refused_too(make_stage: MakeStage) -> None:
    stub = await (await staffed(make_stage)).our_stub("storefront:web")

    async def follow() -> None:
        await stub.follow(StringValue()).read()

    async def converse() -> None:
        await stub.converse([StringValue()]).read()

    async def collect() -> None:
        await stub.collect([StringValue()])

    for call in (follow, converse, collect):
        assert await heard_of(call) == "WRONG_ROLE"
