"""Stock's events, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import grpc

from lumbung.stock.v1 import events_pb2 as pb
from lumbung.stock.v1 import events_pb2_grpc as rpc

Subscribe = Callable[[int], AsyncIterator[Sequence[pb.Event]]]


def stock_events(channel: grpc.aio.Channel) -> Subscribe:
    """What a Consumer needs: batches of the events that follow a position, for ever.

    The stream has no deadline; the channel's keep-alive ends it when stock has gone away.
    """
    stub: rpc.EventServiceAsyncStub = rpc.EventServiceStub(channel)

    async def subscribe(after_position: int) -> AsyncIterator[Sequence[pb.Event]]:
        async for response in stub.Subscribe(pb.SubscribeRequest(after_position=after_position)):
            yield response.events

    return subscribe
