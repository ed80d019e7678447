"""What a server has to bear, on each engine: crowds, leavers, slow readers, and bytes that are no HTTP/2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from .conftest import Stub, until_idle

if TYPE_CHECKING:
    from .conftest import Stage


async def test_callers_of_many_connections_are_answered(stage: Stage) -> None:
    stubs = [Stub(await stage.plain(**{"grpc.use_local_subchannel_pool": 1})) for _ in range(150)]
    answers = await asyncio.gather(*(stub.ask(StringValue(value=str(n))) for n, stub in enumerate(stubs)))
    assert [answer.value for answer in answers] == [str(n) for n in range(150)]


async def test_callers_who_leave_in_a_crowd_leave_nothing_behind(stage: Stage) -> None:
    begun = 0
    all_begun, cancelled = asyncio.Event(), 0

    async def ask(request: StringValue, _call: Any) -> StringValue:
        nonlocal begun, cancelled
        if request.value == "stay":
            return request
        begun += 1
        if begun == 500:
            all_begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return request

    stage.probe.ask = ask
    stub = await stage.stub()
    leaving = [stub.ask(StringValue()) for _ in range(500)]
    await all_begun.wait()
    for call in leaving:
        call.cancel()
    await until_idle()
    assert cancelled == 500
    assert (await stub.ask(StringValue(value="stay"))).value == "stay"


async def test_deadlines_that_pass_in_a_crowd_end_every_handler(stage: Stage) -> None:
    async def ask(_request: StringValue, _call: Any) -> StringValue:
        await asyncio.Event().wait()
        return StringValue()

    stage.probe.ask = ask
    stub = await stage.stub()
    results = await asyncio.gather(
        *(stub.ask(StringValue(), timeout=0.2) for _ in range(500)), return_exceptions=True
    )
    assert {result.code() for result in results} == {grpc.StatusCode.DEADLINE_EXCEEDED}  # type: ignore[union-attr]
    await until_idle()


async def test_a_client_that_does_not_read_holds_up_its_own_stream_alone(stage: Stage) -> None:
    sent = 0

    async def follow(request: StringValue, _call: Any) -> AsyncIterator[StringValue]:
        nonlocal sent
        for _ in range(200):
            yield StringValue(value="x" * 100_000)
            sent += request.value == "slow"

    stage.probe.follow = follow
    # A client that probes how much the line takes may come to take all of it at once.
    stub = Stub(await stage.plain(**{"grpc.http2.bdp_probe": 0}))
    slow = aiter(stub.follow(StringValue(value="slow")))
    await anext(slow)
    assert len([answer async for answer in stub.follow(StringValue(value="fast"))]) == 200
    assert sent < 200
    assert len([answer async for answer in slow]) == 199


async def test_many_conversations_at_once(stage: Stage) -> None:
    stub = await stage.stub()
    talks = [stub.converse() for _ in range(300)]
    for number, talk in enumerate(talks):
        await talk.write(StringValue(value=str(number)))
    assert [(await talk.read()).value for talk in talks] == [str(number) for number in range(300)]
    for talk in talks:
        await talk.done_writing()
    assert {await talk.read() for talk in talks} == {grpc.aio.EOF}
    await until_idle()


async def test_metadata_arrives_in_text_and_in_bytes(stage: Stage) -> None:
    async def ask(_request: StringValue, call: Any) -> StringValue:
        given = dict(call.invocation_metadata())
        call.set_trailing_metadata((("x-back", given["x-there"]), ("x-back-bin", given["x-there-bin"])))
        return StringValue()

    stage.probe.ask = ask
    call = (await stage.stub()).ask(
        StringValue(), metadata=(("x-there", "rak 7"), ("x-there-bin", b"\x00\xff"))
    )
    await call
    trailing = dict(await call.trailing_metadata())
    assert (trailing["x-back"], trailing["x-back-bin"]) == ("rak 7", b"\x00\xff")


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00" * 4096, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff"]
)
async def test_bytes_that_are_no_grpc_harm_nobody_else(stage: Stage, sent: bytes) -> None:
    stub = await stage.stub()
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.server.port)
    with suppress(OSError):  # hung up on before we are done
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(60):
            await reader.read()
    writer.close()
    assert (await stub.ask(StringValue(value="still"))).value == "still"


async def test_an_answer_of_several_megabytes_arrives(stage: Stage) -> None:
    async def ask(_request: StringValue, _call: Any) -> StringValue:
        return StringValue(value="x" * 3_000_000)

    stage.probe.ask = ask
    assert len((await (await stage.stub()).ask(StringValue())).value) == 3_000_000
