"""Calling and waiting as a well-behaved client does: bounded, and the same request until it is decided."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from lumbung_kit.clients import failure_from

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
T = TypeVar("T")

CALL_S_MAX = 5.0
PATIENCE_S_MAX = 60.0
_PAUSE_S = 0.05
_PAUSE_S_MAX = 1.0

UNDECIDED = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
"""Answers that say nothing about what became of the request: the same one may be sent again."""


class Waited(Exception):  # noqa: N818 - said to a person
    """What was waited for did not come about in time; the message says what."""


async def patiently(
    call: Callable[..., Awaitable[A]],
    request: Q,
    *,
    within_s: float = PATIENCE_S_MAX,
    call_s: float = CALL_S_MAX,
) -> A:
    """Sends the very same request until it is answered; raises the last error when the patience is over.

    Safe because every mutation carries its request_id: what took effect unheard is answered as before.
    """
    until = time.monotonic() + within_s
    pause_s = _PAUSE_S
    while True:
        try:
            return await call(request, timeout=call_s)
        except grpc.aio.AioRpcError as error:
            wait_s = failure_from(error).retry_after_s or pause_s
            if error.code() not in UNDECIDED or time.monotonic() + wait_s > until:
                raise
        await asyncio.sleep(wait_s)
        pause_s = min(2 * pause_s, _PAUSE_S_MAX)


async def pages(call: Callable[..., Awaitable[A]], request: Any) -> AsyncIterator[A]:
    """Every page of a list, asked for one after the other. `request` has a page_token."""
    while True:
        answer: Any = await patiently(call, request)
        yield answer
        if not answer.next_page_token:
            return
        request.page_token = answer.next_page_token


async def eventually(
    look: Callable[[], Awaitable[T | None]], what: str, *, within_s: float, every_s: float = 0.05
) -> T:
    """Looks until there is something to see (anything but None or False); raises Waited after `within_s`."""
    until = time.monotonic() + within_s
    while True:
        seen = await look()
        if seen is not None and seen is not False:
            return seen
        if time.monotonic() > until:
            raise Waited(f"waited {within_s:g} s in vain for this: {what}")
        await asyncio.sleep(every_s)
