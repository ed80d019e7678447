"""When a call is sent again: only what is safe, only as long as there is time, and never in a storm."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from lumbung_client.errors import InWaitingRoom, LumbungError, error_of_call
from lumbung_client.options import Options

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Metadata = tuple[tuple[str, str], ...]


def may_be_repeated(error: LumbungError) -> bool:
    """Trouble that passes. What was decided is never asked again; what was late is the caller's to judge.

    CANCELLED, which nobody here asked for, is how grpcio's server drops calls that it has not taken up when it stops
    (grpc/grpc issue 41785); it means what UNAVAILABLE means. So does INTERNAL when no service says it: gRPC
    itself says so of a stream that the other end has reset.
    """
    match error.code:
        case grpc.StatusCode.CANCELLED | grpc.StatusCode.INTERNAL:
            return not error.reason
        case grpc.StatusCode.UNAVAILABLE:
            return True
        case grpc.StatusCode.ABORTED:
            return error.reason == "REQUEST_IN_FLIGHT"
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return error.retry_after_s is not None and not isinstance(error, InWaitingRoom)
        case _:
            return False


class Retries:
    """The rules of one client, and its budget."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._left = float(options.retries_max)

    def succeeded(self) -> None:
        """Gives a part of a repeat back."""
        self._left = min(self._left + self._options.retry_refill, self._options.retries_max)

    def pause_s(self, error: LumbungError, attempt: int) -> float | None:
        """How long to wait before the same request is sent again, or None when it must not be.

        Takes one from the budget, unless a server said that it is leaving: it says so for a second, has done
        nothing, and has no load that a repeat would add to. `attempt` counts from 0.
        """
        if not may_be_repeated(error):
            return None
        if error.reason == "SHUTTING_DOWN":
            return self.backoff_s(attempt, error.retry_after_s)
        if self._left < 1:
            error.add_note("Not sent again: this client's retry budget is spent.")
            return None
        self._left -= 1
        return self.backoff_s(attempt, error.retry_after_s)

    def backoff_s(self, attempt: int, retry_after_s: float | None = None) -> float:
        """A jittered pause: what the server asked for and up to a half more, else doubling."""
        if retry_after_s is not None:
            return retry_after_s * random.uniform(1.0, 1.5)
        longest = min(self._options.backoff_s_max, self._options.backoff_s_min * 2.0 ** min(attempt, 16))
        return random.uniform(0.5, 1.0) * longest


class Caller:
    """Makes calls with a deadline, who asks, the trace, and repeats."""

    def __init__(self, retries: Retries, options: Options, metadata: Callable[[], Metadata]) -> None:
        self._retries = retries
        self._options = options
        self._metadata = metadata

    async def __call__(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout_s: float | None,
    ) -> Response:
        """The answer. Raises LumbungError; at the deadline, what the last attempt met."""
        now = asyncio.get_running_loop().time
        deadline = now() + (self._options.timeout_s if timeout_s is None else timeout_s)
        metadata = self._metadata()
        attempt = 0
        while True:
            try:
                # The first attempt says at once that nobody is there; a repeat waits until somebody is.
                response = await method(
                    request, timeout=deadline - now(), metadata=metadata, wait_for_ready=attempt > 0
                )
            except grpc.aio.AioRpcError as cause:
                error = error_of_call(cause)
                pause_s = self._retries.pause_s(error, attempt)
                if pause_s is None or now() + pause_s >= deadline:
                    raise error from cause
            else:
                self._retries.succeeded()
                return response
            await asyncio.sleep(pause_s)
            attempt += 1
