from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind, Overloaded, StoreUnavailable

if TYPE_CHECKING:
    from .conftest import Stage


async def test_all_four_shapes_go_through_our_channel(stage: Stage) -> None:
    stub = await stage.our_stub()
    letters = [StringValue(value=letter) for letter in "abc"]
    assert (await stub.ask(StringValue(value="a"))).value == "a"
    assert [answer.value async for answer in stub.follow(StringValue(value="abc"))] == ["a", "b", "c"]
    assert (await stub.collect(iter(letters))).value == "a,b,c"
    assert [answer.value async for answer in stub.converse(iter(letters))] == ["a", "b", "c"]


async def test_what_the_caller_adds_to_the_metadata_arrives_too(stage: Stage) -> None:
    async def ask(_request: Any, call: Any) -> StringValue:
        sent = dict(call.invocation_metadata())
        return StringValue(value=f"{sent['lumbung-actor']} {sent['x-shelf']}")

    stage.probe.ask = ask
    answer = await (await stage.our_stub()).ask(StringValue(), metadata=(("x-shelf", "7"),))
    assert answer.value == "service:probe 7"


async def test_a_store_that_was_down_for_a_moment_is_not_noticed(stage: Stage) -> None:
    attempts = 0

    async def ask(request: StringValue, _call: Any) -> StringValue:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise StoreUnavailable
        return request

    stage.probe.ask = ask
    assert (await (await stage.our_stub()).ask(StringValue(value="a"))).value == "a"
    assert attempts == 3


async def test_overload_is_not_made_worse_by_retries(stage: Stage) -> None:
    attempts = 0

    async def ask(_request: Any, _call: Any) -> StringValue:
        nonlocal attempts
        attempts += 1
        raise Overloaded(retry_after_s=0.01)

    stage.probe.ask = ask
    with pytest.raises(grpc.aio.AioRpcError):
        await (await stage.our_stub()).ask(StringValue())
    assert attempts == 1


async def test_a_server_that_is_not_there_is_unavailable_without_a_reason(stage: Stage) -> None:
    stub = await stage.our_stub()
    await stage.server.stop(0)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.ask(StringValue())
    said = failure_from(error.value)
    assert (said.kind, said.reason) == (Kind.UNAVAILABLE, "")


async def test_a_server_that_came_back_is_found_again(stage: Stage, make_stage: Any) -> None:
    stub = await stage.our_stub()
    await stub.ask(StringValue())
    await stage.server.stop(0)
    await make_stage(listen=stage.server.address)
    assert (await stub.ask(StringValue(value="again"), wait_for_ready=True)).value == "again"
