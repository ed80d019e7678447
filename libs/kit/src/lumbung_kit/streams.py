"""Streams that would never end by themselves, and how a server that stops ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from lumbung_kit.failures import BadInput, ShuttingDown


class Endless(Protocol):
    """A stream that goes on until somebody ends it."""

    def end(self) -> None:
        """Lets it come to its end soon."""


class Interruption:
    """A way to cancel the current task that can be told from anybody else's."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._ended = False
        self._sending = False

    def end(self) -> None:
        """Interrupts the task wherever it waits, but not while it sends."""
        if self._task is not None and not self._ended:
            self._ended = True
            if not self._sending:
                self._task.cancel()

    async def send(self, message: Awaitable[None]) -> None:
        """Waits until a message has been sent: gRPC takes no status while one is on its way. Raises ShuttingDown
        behind it when the end came meanwhile."""
        self._sending = True
        try:
            await message
        finally:
            self._sending = False
        if self._ended:
            raise ShuttingDown

    def caused(self, error: BaseException) -> bool:
        """Whether the cancellation that has just been caught was this one and nobody else's."""
        if not (self._ended and isinstance(error, asyncio.CancelledError)):
            return False
        return self._task is not None and self._task.uncancel() == 0


class Requests:
    """The requests of a call. When it is ended, it looks to the handler as if the client had no more to say.

    So the handler answers what it has read, and returns. Nothing of the source is touched before the first read:
    grpcio complains of an iterator that was made for a call which is then refused.
    """

    def __init__(self, source: AsyncIterable[Any]) -> None:
        self._source = source
        self._iterator: AsyncIterator[Any] | None = None
        self._reader: asyncio.Task[Any] | None = None
        self._ended = False
        self._interrupted = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._ended:
            raise StopAsyncIteration
        if self._iterator is None:
            self._iterator = aiter(self._source)
        self._reader = asyncio.current_task()
        try:
            return await anext(self._iterator)
        except asyncio.CancelledError:
            if self._interrupted and self._reader is not None and self._reader.uncancel() == 0:
                raise StopAsyncIteration from None
            raise
        except DecodeError as error:
            raise undecodable() from error
        finally:
            self._reader = None

    def end(self) -> None:
        """Lets the handler read no more."""
        self._ended = True
        if self._reader is not None and not self._interrupted:
            self._interrupted = True
            self._reader.cancel()

    def require_whole(self) -> None:
        """Raises ShuttingDown if the client might have had more to say."""
        if self._ended:
            raise ShuttingDown


def undecodable() -> BadInput:
    """For bytes that are no message of the method's type."""
    return BadInput("The request cannot be decoded as a message of this method's type.")
