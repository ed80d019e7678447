"""What a caller sees of what a handler raises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import (
    BadInput,
    ConcurrentChange,
    DeadlineExceeded,
    DependencyUnavailable,
    Failure,
    FieldViolation,
    Kind,
    NotServed,
    Overloaded,
    PreconditionViolation,
    RequestIdReused,
    RequestInFlight,
    ShuttingDown,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from .conftest import Stage


class ShelfEmpty(Failure):
    """The shelf is empty."""

    kind = Kind.FAILED_PRECONDITION
    reason = "TEST_SHELF_EMPTY"


class ShelfUnknown(Failure):
    """There is no such shelf."""

    kind = Kind.NOT_FOUND
    reason = "TEST_SHELF_UNKNOWN"


def raising(error: Exception) -> Any:
    async def handler(_request: Any, _call: Any) -> StringValue:
        raise error

    return handler


async def refused(call: Any) -> RemoteFailure:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return failure_from(error.value)


@pytest.mark.parametrize(
    "failure",
    [
        ShelfEmpty,
        ShelfUnknown,
        BadInput,
        RequestIdReused,
        RequestInFlight,
        ConcurrentChange,
        Overloaded,
        StoreUnavailable,
        DependencyUnavailable,
        ShuttingDown,
        NotServed,
        DeadlineExceeded,
    ],
)
async def test_a_failure_is_answered_with_its_code_and_reason(stage: Stage, failure: type[Failure]) -> None:
    stage.probe.ask = raising(failure())
    said = await refused((await stage.stub()).ask(StringValue()))
    assert (said.kind, said.reason, said.domain) == (failure.kind, failure.reason, "probe.lumbung")
    assert said.message == failure().message
    assert (said.fields, said.preconditions) == ((), ())
    assert (said.retry_after_s is not None) == (failure.kind is Kind.RESOURCE_EXHAUSTED)


async def test_the_details_of_a_failure_arrive(stage: Stage) -> None:
    stage.probe.ask = raising(
        ShelfEmpty(
            "Shelf 7 is empty; try 8 · kosong.",
            metadata={"shelf": "7"},
            fields=[FieldViolation("lines[0].shelf", "has nothing")],
            preconditions=[PreconditionViolation("STOCK", "shelf/7", "0 left")],
            retry_after_s=0.25,
        )
    )
    said = await refused((await stage.stub()).ask(StringValue()))
    assert said.message == "Shelf 7 is empty; try 8 · kosong."
    assert said.metadata == {"shelf": "7"}
    assert said.fields == (FieldViolation("lines[0].shelf", "has nothing"),)
    assert said.preconditions == (PreconditionViolation("STOCK", "shelf/7", "0 left"),)
    assert said.retry_after_s == 0.25


async def test_the_largest_failure_still_arrives(stage: Stage) -> None:
    many = [FieldViolation(f"lines[{number}].quantity", "must be at least 1, not 0") for number in range(100)]
    stage.probe.ask = raising(BadInput(fields=many))
    said = await refused((await stage.stub()).ask(StringValue()))
    assert said.reason == "BAD_INPUT"
    assert said.fields == tuple(many[: len(said.fields)])
    assert len(said.fields) > 50


async def test_a_bug_is_internal_with_a_correlation_id_and_not_a_word_of_its_text(
    stage: Stage, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.probe.ask = raising(ValueError("password is hunter2"))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await (await stage.stub()).ask(StringValue())
    said = failure_from(error.value)
    assert (said.kind, said.reason) == (Kind.INTERNAL, "INTERNAL")
    assert "hunter2" not in repr(error.value)
    assert "ValueError" not in repr(error.value)
    logged = capsys.readouterr().out + caplog.text
    assert said.metadata["correlation_id"] in logged
    assert "hunter2" in logged


@pytest.mark.parametrize("answer", [None, "text", 7])
async def test_an_answer_of_the_wrong_type_is_a_bug_like_any_other(stage: Stage, answer: object) -> None:
    async def handler(_request: Any, _call: Any) -> object:
        return answer

    stage.probe.ask = handler
    said = await refused((await stage.stub()).ask(StringValue()))
    assert (said.kind, said.reason) == (Kind.INTERNAL, "INTERNAL")


async def test_a_not_implemented_error_from_deep_inside_is_a_bug(stage: Stage) -> None:
    stage.probe.ask = raising(NotImplementedError("abstract"))
    assert (await refused((await stage.stub()).ask(StringValue()))).reason == "INTERNAL"


async def test_a_method_of_the_contract_without_a_handler_is_not_served(stage: Stage) -> None:
    said = await refused((await stage.stub()).unserved(StringValue()))
    assert (said.kind, said.reason) == (Kind.UNIMPLEMENTED, "RPC_NOT_SERVED")
    assert said.metadata == {"rpc_method": "probe.v1.ProbeService/Unserved"}


async def test_a_streaming_method_without_a_handler_is_not_served(stage: Stage) -> None:
    said = await refused((await stage.stub()).unserved_stream(StringValue()).read())
    assert (said.kind, said.reason) == (Kind.UNIMPLEMENTED, "RPC_NOT_SERVED")


async def test_a_method_that_is_in_no_contract_is_not_served_either(stage: Stage) -> None:
    unknown: Any = (await stage.plain()).unary_unary("/probe.v1.ProbeService/MadeUp")
    said = await refused(unknown(b""))
    assert (said.kind, said.reason) == (Kind.UNIMPLEMENTED, "RPC_NOT_SERVED")


async def test_bytes_that_are_no_message_are_bad_input(stage: Stage) -> None:
    said = await refused((await stage.stub()).ask_bytes(b"\xff\xff\xff"))
    assert (said.kind, said.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")


async def test_a_failure_in_the_middle_of_a_stream_comes_after_what_was_sent(stage: Stage) -> None:
    async def follow(_request: Any, _call: Any) -> AsyncIterator[StringValue]:
        yield StringValue(value="first")
        raise ShelfEmpty(metadata={"shelf": "7"})

    stage.probe.follow = follow
    stream = (await stage.stub()).follow(StringValue())
    assert (await stream.read()).value == "first"
    said = await refused(stream.read())
    assert (said.kind, said.reason, said.metadata) == (ShelfEmpty.kind, ShelfEmpty.reason, {"shelf": "7"})


async def test_a_failure_ends_an_upload_and_a_conversation(stage: Stage) -> None:
    async def collect(requests: AsyncIterator[StringValue], _call: Any) -> StringValue:
        async for _request in requests:
            raise ShelfEmpty
        return StringValue()

    async def converse(requests: AsyncIterator[StringValue], _call: Any) -> AsyncIterator[StringValue]:
        async for request in requests:
            yield request
            raise ShelfUnknown

    stage.probe.collect, stage.probe.converse = collect, converse
    stub = await stage.stub()
    assert (await refused(stub.collect(iter([StringValue()])))).reason == ShelfEmpty.reason
    talk = stub.converse(iter([StringValue(value="a")]))
    assert (await talk.read()).value == "a"
    assert (await refused(talk.read())).reason == ShelfUnknown.reason


async def test_all_four_shapes_answer(stage: Stage) -> None:
    stub = await stage.stub()
    letters = [StringValue(value=letter) for letter in "abc"]
    assert (await stub.ask(StringValue(value="a"))).value == "a"
    assert [answer.value async for answer in stub.follow(StringValue(value="abc"))] == ["a", "b", "c"]
    assert (await stub.collect(iter(letters))).value == "a,b,c"
    assert [answer.value async for answer in stub.converse(iter(letters))] == ["a", "b", "c"]


async def test_a_client_that_leaves_cancels_the_handler_and_closes_its_stream(stage: Stage) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def follow(_request: Any, _call: Any) -> AsyncIterator[StringValue]:
        try:
            yield StringValue(value="first")
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    stage.probe.follow = follow
    stream = (await stage.stub()).follow(StringValue())
    await stream.read()
    await begun.wait()
    stream.cancel()
    await ended.wait()


async def test_a_handler_sees_the_cancellation_of_its_call(stage: Stage) -> None:
    begun = asyncio.Event()
    seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def ask(_request: Any, _call: Any) -> StringValue:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.set_result(True)
            raise
        return StringValue()

    stage.probe.ask = ask
    call = (await stage.stub()).ask(StringValue())
    await begun.wait()
    call.cancel()
    assert await seen
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.NOT_FOUND, "INTERNAL"),
    ],
)
async def test_what_another_service_refused_and_the_handler_let_pass(
    stage: Stage, code: grpc.StatusCode, reason: str
) -> None:
    stage.probe.ask = raising(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "theirs"))
    said = await refused((await stage.stub()).ask(StringValue()))
    assert said.reason == reason
    assert "theirs" not in said.message
