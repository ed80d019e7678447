"""Watching availability: resumed after the last position on whatever server answers next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final, cast

import grpc

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung_client.errors import LumbungError, error_of_call
from lumbung_client.retries import Retries, may_be_repeated

_BROKEN: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})
"""What a proxy or a reset makes of a stream that it cuts."""

Stream = grpc.aio.UnaryStreamCall[pb.WatchAvailabilityRequest, pb.WatchAvailabilityResponse]
OpenWatch = Callable[[pb.WatchAvailabilityRequest, bool], Stream]
"""Opens a stream; when told so, it waits for a server instead of failing at once."""


SILENCE_S_MAX: Final = 30.0
"""A server says something every 15 s; who has been silent for longer than this is gone."""


async def watch(
    open_stream: OpenWatch, request: pb.WatchAvailabilityRequest, retries: Retries
) -> AsyncGenerator[pb.WatchAvailabilityResponse, None]:
    """A snapshot, then changes, for ever; `request.after_position` follows what was given.

    Raises LumbungError only for what another connection would not mend.
    """
    failures = 0
    while True:
        retry_after_s = None
        stream = open_stream(request, failures > 0)
        try:
            while (response := await _next(stream)) is not None:
                failures = 0
                request.after_position = response.position
                yield response
        except grpc.aio.AioRpcError as cause:
            error = error_of_call(cause)
            if not _may_be_resumed(error):
                raise error from cause
            retry_after_s = error.retry_after_s
        finally:
            stream.cancel()
        await asyncio.sleep(retries.backoff_s(failures, retry_after_s))
        failures += 1


async def _next(stream: Stream) -> pb.WatchAvailabilityResponse | None:
    """The next message, or None when the stream has ended or says nothing any more."""
    try:
        async with asyncio.timeout(SILENCE_S_MAX):
            response = await stream.read()
    except TimeoutError:
        return None
    return None if response is grpc.aio.EOF else cast("pb.WatchAvailabilityResponse", response)


def _may_be_resumed(error: LumbungError) -> bool:
    return may_be_repeated(error) or (error.code in _BROKEN and not error.reason)
