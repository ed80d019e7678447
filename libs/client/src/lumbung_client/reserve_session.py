"""A session of ReserveStream that outlives its connections: what was not answered is asked again, elsewhere."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, cast

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_client.errors import (
    Details,
    InvalidRequest,
    LumbungError,
    Unavailable,
    deadline_exceeded,
    error_of_call,
    error_of_refusal,
)
from lumbung_client.messages import Lines, reserve_request
from lumbung_client.retries import Retries

IN_FLIGHT_MAX: Final = 1000
"""The server reads no more than this before it has answered; more callers wait here."""
MESSAGE_MAX: Final = 100
"""Reservations in one message."""

_ENDS_THE_SESSION: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
    }
)
"""Another connection would be told the same."""

Stream = grpc.aio.StreamStreamCall[pb.ReserveStreamRequest, pb.ReserveStreamResponse]
OpenStream = Callable[[bool], Stream]
"""Opens a stream; when told so, it waits for a server instead of failing at once."""


@dataclass(slots=True, eq=False)
class _Asked:
    """A reservation without an answer, and how many callers want it."""

    request: pb.ReserveRequest
    answer: asyncio.Future[pb.Reservation]
    callers: int = 0
    attempts: int = 0


class ReserveSession:
    """Any number of reservations at once over one stream. Made by `LumbungClient.reserve_stream`.

    When the stream breaks, another is opened, with growing pauses, and everything that was not answered is sent
    again under its request_id, which gets its first answer.
    """

    def __init__(self, open_stream: OpenStream, retries: Retries, *, timeout_s: float) -> None:
        self._open_stream = open_stream
        self._retries = retries
        self._timeout_s = timeout_s
        self._asked: dict[str, _Asked] = {}
        self._to_send: deque[_Asked] = deque()
        self._something_to_send = asyncio.Event()
        self._room = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._failures = 0
        self._ended: LumbungError | None = None
        self._running: asyncio.Task[None] | None = None

    async def reserve(self, lines: Lines, *, timeout_s: float | None = None, **fields: Any) -> pb.Reservation:
        """Holds all lines, or none; fields as for `LumbungClient.reserve`. Raises LumbungError."""
        return await self.ask(reserve_request(lines, **fields), timeout_s=timeout_s)

    async def ask(self, request: pb.ReserveRequest, *, timeout_s: float | None = None) -> pb.Reservation:
        """The answer to this request, which has a request_id. Raises LumbungError.

        Waits while a thousand others are in flight. The same request twice at once is sent once.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._answer_to(request)
        except TimeoutError:
            raise deadline_exceeded(f"No answer within {limit_s:g} s.") from None

    async def __aenter__(self) -> ReserveSession:
        self._running = asyncio.create_task(self._run(), name="reserve session")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the stream. Whoever still waits for an answer gets Unavailable: leave when all have theirs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))
            if not self._running.cancelled():
                self._running.result()

    async def _answer_to(self, request: pb.ReserveRequest) -> pb.Reservation:
        async with self._room:
            asked = self._asked.get(request.request_id) or self._ask_anew(request)
            if asked.request != request:
                raise _reused()
            asked.callers += 1
            try:
                return await asyncio.shield(asked.answer)
            finally:
                asked.callers -= 1
                if not asked.callers:
                    self._forget(asked)

    def _ask_anew(self, request: pb.ReserveRequest) -> _Asked:
        if self._ended is not None:
            raise self._ended
        answer: asyncio.Future[pb.Reservation] = asyncio.get_running_loop().create_future()
        asked = self._asked[request.request_id] = _Asked(request, answer)
        self._send_soon(asked)
        return asked

    def _forget(self, asked: _Asked) -> None:
        """Nobody waits for it any more: it is not sent again."""
        if self._asked.get(asked.request.request_id) is asked:
            del self._asked[asked.request.request_id]
        asked.answer.cancel()

    def _send_soon(self, asked: _Asked) -> None:
        if not asked.answer.done():
            self._to_send.append(asked)
            self._something_to_send.set()

    async def _run(self) -> None:
        """One connection after the other."""
        try:
            while self._ended is None:
                pause_s = await self._use(self._open_stream(self._failures > 0))
                await asyncio.sleep(pause_s)
        finally:
            self._end(Unavailable(Details(grpc.StatusCode.UNAVAILABLE, message="The session was closed.")))

    async def _use(self, stream: Stream) -> float:
        """Talks until the stream ends; returns how long to wait before the next."""
        self._to_send = deque(self._asked.values())
        self._something_to_send.set()
        sending = asyncio.create_task(self._send(stream))
        try:
            await self._read(stream)
        except grpc.aio.AioRpcError as cause:
            error = error_of_call(cause)
            if error.code in _ENDS_THE_SESSION:
                self._end(error)
        finally:
            sending.cancel()
            stream.cancel()
            await asyncio.wait((sending,))
        self._failures += 1
        return self._retries.backoff_s(self._failures - 1)

    async def _send(self, stream: Stream) -> None:
        """Ends quietly when the stream has; the reader hears why."""
        try:
            while True:
                while requests := self._next_requests():
                    await stream.write(pb.ReserveStreamRequest(reservations=requests))
                self._something_to_send.clear()
                await self._something_to_send.wait()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return

    def _next_requests(self) -> list[pb.ReserveRequest]:
        """What has come up since the last message, without what nobody waits for any more."""
        requests: list[pb.ReserveRequest] = []
        while self._to_send and len(requests) < MESSAGE_MAX:
            asked = self._to_send.popleft()
            if not asked.answer.done():
                requests.append(asked.request)
        return requests

    async def _read(self, stream: Stream) -> None:
        while (response := await stream.read()) is not grpc.aio.EOF:
            self._failures = 0
            for outcome in cast("pb.ReserveStreamResponse", response).outcomes:
                self._hear(outcome)

    def _hear(self, outcome: pb.ReserveOutcome) -> None:
        asked = self._asked.get(outcome.request_id)
        if asked is None or asked.answer.done():
            return  # its caller has gone, or it was sent over two streams
        if outcome.HasField("reservation"):
            self._retries.succeeded()
            asked.answer.set_result(outcome.reservation)
            return
        error = error_of_refusal(outcome.refusal)
        pause_s = self._retries.pause_s(error, asked.attempts)
        if pause_s is None:
            asked.answer.set_exception(error)
            return
        asked.attempts += 1
        asyncio.get_running_loop().call_later(pause_s, self._send_soon, asked)

    def _end(self, error: LumbungError) -> None:
        """Nobody is answered any more."""
        self._ended = self._ended or error
        for asked in self._asked.values():
            if not asked.answer.done():
                asked.answer.set_exception(self._ended)


def _reused() -> InvalidRequest:
    return InvalidRequest(
        Details(
            grpc.StatusCode.INVALID_ARGUMENT,
            "REQUEST_ID_REUSED",
            "This request_id is in flight already for a request with other content.",
        )
    )
