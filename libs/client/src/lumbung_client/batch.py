"""BatchReserve: an answer for each, and another try for those that met trouble which passes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_client.errors import LumbungError, error_of_refusal
from lumbung_client.retries import Caller, Retries

BatchReserve = grpc.aio.UnaryUnaryMultiCallable[pb.BatchReserveRequest, pb.BatchReserveResponse]
Answer = pb.Reservation | LumbungError


async def reserve_all(
    call: Caller,
    retries: Retries,
    method: BatchReserve,
    requests: Sequence[pb.ReserveRequest],
    timeout_s: float,
) -> list[Answer]:
    """One answer per request, in order. Raises LumbungError when the batch as a whole fails."""
    now = asyncio.get_running_loop().time
    deadline = now() + timeout_s
    answers: dict[int, Answer] = {}
    pending, attempt = list(range(len(requests))), 0
    while True:
        batch = pb.BatchReserveRequest(reservations=[requests[index] for index in pending])
        response = await call(method, batch, deadline - now())
        answers.update(zip(pending, map(_answer_of, response.outcomes), strict=True))
        pauses = {index: _pause_s(retries, answers[index], attempt) for index in pending}
        again = {index: pause_s for index, pause_s in pauses.items() if pause_s is not None}
        pause_s = max(again.values(), default=0.0)
        if not again or now() + pause_s >= deadline:
            return [answers[index] for index in range(len(requests))]
        await asyncio.sleep(pause_s)
        pending, attempt = list(again), attempt + 1


def _answer_of(outcome: pb.ReserveOutcome) -> Answer:
    if outcome.HasField("reservation"):
        return outcome.reservation
    return error_of_refusal(outcome.refusal)


def _pause_s(retries: Retries, answer: Answer, attempt: int) -> float | None:
    return retries.pause_s(answer, attempt) if isinstance(answer, LumbungError) else None
