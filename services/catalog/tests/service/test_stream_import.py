"""Large files in pieces: progress, all of it or nothing, and a file cut short is never taken for a whole one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest

from lumbung.catalog.v1 import imports_pb2 as pb
from lumbung.catalog.v1 import skus_pb2
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.failures import Kind

ROWS = "sku_code,sku_name,weight_g\n" + "".join(
    f"SKU-{i:05},Barang nomor {i},{i % 9}\n" for i in range(2_500)
)


def start(content: bytes, **fields: Any) -> pb.StreamImportRequest:
    usual = {
        "request_id": "stream",
        "format": pb.FILE_FORMAT_CSV,
        "mode": pb.IMPORT_MODE_CREATE,
        "size_bytes": len(content),
    }
    return pb.StreamImportRequest(start=pb.StreamImportStart(**{**usual, **fields}))


def parts(content: bytes, size: int = 10_000) -> list[pb.StreamImportRequest]:
    return [pb.StreamImportRequest(chunk=content[at : at + size]) for at in range(0, len(content), size)]


async def answers(catalog: Any, *requests: pb.StreamImportRequest) -> list[pb.StreamImportResponse]:
    """As docs/status-codes.md tells clients: INTERNAL without a reason was said by no service, and is repeated.

    grpc's client says it in place of a refusal that comes while it is still sending.
    """
    async with asyncio.timeout(60):
        while True:
            try:
                return await _answers(catalog, requests)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.INTERNAL or failure_from(error).reason:
                    raise
            await asyncio.sleep(0.05)


async def _answers(catalog: Any, requests: Sequence[pb.StreamImportRequest]) -> list[pb.StreamImportResponse]:
    async def sent() -> AsyncIterator[pb.StreamImportRequest]:
        for request in requests:
            yield request

    return [answer async for answer in catalog.imports.StreamImport(sent())]


async def refused(catalog: Any, *requests: pb.StreamImportRequest) -> RemoteFailure:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await answers(catalog, *requests)
    return failure_from(error.value)


async def test_a_file_comes_in_pieces_and_its_progress_is_told(catalog: Any) -> None:
    content = ROWS.encode()
    *told, last = await answers(catalog, start(content), *parts(content))
    assert (last.report.applied, last.report.row_count, last.report.sku_count) == (True, 2_500, 2_500)
    progress = [answer.progress for answer in told[1:]]
    assert [one.read_row_count for one in progress[:3]] == [1_000, 2_000, 2_500]
    assert [one.written_row_count for one in progress[-3:]] == [1_000, 2_000, 2_500]
    assert (progress[-1].checked_row_count, progress[-1].row_count) == (2_500, 2_500)


async def test_the_same_file_again_gets_the_first_report_and_another_file_is_refused(catalog: Any) -> None:
    content = b"sku_code,sku_name\nA,a\n"
    first = (await answers(catalog, start(content), *parts(content)))[-1]
    before = await catalog.everything()
    again = (await answers(catalog, start(content), *parts(content, 5)))[-1]
    assert (again.report, again.report.applied) == (first.report, True)
    other = b"sku_code,sku_name\nB,b\n"
    assert (await refused(catalog, start(other), *parts(other))).reason == "REQUEST_ID_REUSED"
    assert await catalog.everything() == before


async def test_a_dry_run_says_what_is_wrong_and_sends_the_file_back(catalog: Any) -> None:
    content = b"sku_code,sku_name\nA,a\nB B,b\n"
    before = await catalog.everything()
    told = await answers(catalog, start(content, dry_run=True, annotate=True), *parts(content))
    kinds = [answer.WhichOneof("outcome") for answer in told]
    assert kinds == ["progress"] * 3 + ["report", "annotated_chunk"]
    assert [(error.row, error.reason) for error in told[3].report.errors] == [(3, "BAD_CODE")]
    assert "bukan kode" in told[4].annotated_chunk.decode()
    assert await catalog.everything() == before


CONTENT = b"sku_code,sku_name\nA,a\nB,b\n"


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([], "start"),
        (parts(CONTENT), "start"),
        ([start(CONTENT, request_id="")], "request_id"),
        ([start(CONTENT, format=0)], "format"),
        ([start(CONTENT, mode=9)], "mode"),
        ([start(CONTENT, size_bytes=0)], "size_bytes"),
        ([start(CONTENT, size_bytes=64 * 1024 * 1024 + 1)], "size_bytes"),
        ([start(CONTENT, force_reason="x" * 201)], "force_reason"),
        ([start(CONTENT)], "chunk"),
        ([start(CONTENT), *parts(CONTENT[:-4])], "chunk"),
        ([start(CONTENT), *parts(CONTENT + b"C,c\n")], "chunk"),
        ([start(CONTENT), pb.StreamImportRequest()], "start"),
        ([start(CONTENT), start(CONTENT)], "start"),
        ([start(b"x" * 300_000), *parts(b"x" * 300_000, 300_000)], "chunk"),
    ],
)
async def test_a_bad_stream_is_named_and_nothing_is_applied(
    catalog: Any, requests: list[pb.StreamImportRequest], field: str
) -> None:
    before = await catalog.everything()
    failure = await refused(catalog, *requests)
    assert (failure.kind, failure.reason) == (Kind.INVALID_ARGUMENT, "BAD_INPUT")
    assert [violation.field for violation in failure.fields] == [field]
    assert await catalog.everything() == before


async def test_a_call_cancelled_while_it_writes_leaves_nothing_and_may_be_sent_again(catalog: Any) -> None:
    content = ROWS.encode()
    before = await catalog.everything()

    async def sent() -> AsyncIterator[pb.StreamImportRequest]:
        for request in (start(content), *parts(content)):
            yield request

    call = catalog.imports.StreamImport(sent())
    async for answer in call:
        if answer.progress.written_row_count:
            break
    call.cancel()
    assert await catalog.everything() == before

    async def again() -> bool:
        try:
            return bool((await answers(catalog, start(content), *parts(content)))[-1].report.applied)
        except grpc.aio.AioRpcError as error:
            assert failure_from(error).reason in ("OVERLOADED", "REQUEST_IN_FLIGHT")  # noqa: PT017
            return False

    async with asyncio.timeout(60):
        while not await again():
            await asyncio.sleep(0.05)
    listed = await catalog.skus.ListSkus(skus_pb2.ListSkusRequest(page_size=1))
    assert listed.skus[0].version == 1


async def test_one_large_import_runs_at_a_time(catalog: Any) -> None:
    reached = asyncio.Event()

    async def slow() -> AsyncIterator[pb.StreamImportRequest]:
        yield start(CONTENT, request_id="slow")
        await reached.wait()
        yield pb.StreamImportRequest(chunk=CONTENT)

    first = aiter(catalog.imports.StreamImport(slow()))
    assert (await anext(first)).HasField("progress")
    failure = await refused(catalog, start(CONTENT, request_id="second"), *parts(CONTENT))
    assert (failure.kind, failure.reason) == (Kind.RESOURCE_EXHAUSTED, "OVERLOADED")
    reached.set()
    told = [answer async for answer in first]
    assert told[-1].report.applied
