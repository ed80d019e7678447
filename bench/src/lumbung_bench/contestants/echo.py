"""The bare echo: what grpc.aio itself can do with messages of these sizes, deciding nothing.

`python -m lumbung_bench.contestants.echo HOST:PORT LINES [ENGINE]`: each answer is as long as a hold of so many lines;
the engine is `grpcio` or `pygrpc-native`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import grpc

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung.stock.v1 import reservations_pb2_grpc as rpc
from lumbung_bench.contestants.serve import main
from lumbung_bench.reservations import held


class Echo(rpc.ReservationServiceServicer):
    """Parses what comes in and serialises an answer, as gRPC's own code does, and that is all."""

    def __init__(self, lines: int) -> None:
        self._held = pb.ReserveResponse(reservation=held(lines))
        outcome = pb.ReserveOutcome(request_id=held(lines).request_id, reservation=held(lines))
        self._outcome = outcome
        self._batches: dict[int, pb.BatchReserveResponse] = {}

    async def Reserve(  # noqa: N802 - the contract's name
        self,
        request: pb.ReserveRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext[pb.ReserveRequest, pb.ReserveResponse],  # noqa: ARG002
    ) -> pb.ReserveResponse:
        """A hold that nobody made."""
        return self._held

    async def BatchReserve(  # noqa: N802
        self,
        request: pb.BatchReserveRequest,
        context: grpc.aio.ServicerContext[pb.BatchReserveRequest, pb.BatchReserveResponse],  # noqa: ARG002
    ) -> pb.BatchReserveResponse:
        """As many of them as were asked for."""
        size = len(request.reservations)
        if size not in self._batches:
            self._batches[size] = pb.BatchReserveResponse(outcomes=[self._outcome] * size)
        return self._batches[size]

    async def ReserveStream(  # noqa: N802
        self,
        request_iterator: AsyncIterator[pb.ReserveStreamRequest],
        context: grpc.aio.ServicerContext[pb.ReserveStreamRequest, pb.ReserveStreamResponse],  # noqa: ARG002
    ) -> AsyncIterator[pb.ReserveStreamResponse]:
        """One for each, under its own id."""
        async for request in request_iterator:
            response = pb.ReserveStreamResponse(outcomes=[self._outcome] * len(request.reservations))
            for outcome, asked in zip(response.outcomes, request.reservations, strict=True):
                outcome.request_id = asked.request_id
            yield response


@asynccontextmanager
async def opened(lines: int) -> AsyncIterator[Echo]:
    """Nothing to open."""
    yield Echo(lines)


if __name__ == "__main__":
    main(partial(opened, int(sys.argv[2])), sys.argv[1], *sys.argv[3:])
