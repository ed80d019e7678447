from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

import lumbung_client.channel
from lumbung_kit import clients
from lumbung_kit.clients import failure_from
from lumbung_kit.failures import Kind, Overloaded, StoreUnavailable

from .conftest import Stub

if TYPE_CHECKING:
    from .conftest import Stage


async def test_all_four_shapes_go_through_our_channel(stage: Stage) -> None:
    stub = await stage.our_stub()
    letters = [StringValue(value=letter) for letter in "abc"]
    assert (await stub.ask(StringValue(value="a"))).value == "a"
    assert [answer.value async for answer in stub.follow(StringValue(value="abc"))] == ["a", "b", "c"]
    assert (await stub.collect(iter(letters))).value == "a,b,c"
    assert [answer.value async for answer in stub.converse(iter(letters))] == ["a", "b", "c"]


async def test_several_addresses_are_no_name_of_a_host(stage: Stage) -> None:
    """gRPC would send the whole list as one; a strict server resets such calls."""
    address = stage.server.address
    target = f"ipv4:{address},{address}"
    async with clients.open_channel(target, actor="service:probe") as ours:
        assert (await Stub(ours).ask(StringValue(value="a"))).value == "a"
    async with lumbung_client.channel.open_channel(target, lumbung_client.Options()) as theirs:
        answer = await Stub(theirs).ask(
            StringValue(value="a"), metadata=(("lumbung-actor", "service:probe"),)
        )
        assert answer.value == "a"


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
