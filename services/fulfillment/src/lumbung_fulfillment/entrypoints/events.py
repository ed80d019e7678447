"""EventService over gRPC: what happened on the floor, as a log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from lumbung.fulfillment.v1 import events_pb2 as pb
from lumbung.fulfillment.v1 import events_pb2_grpc as rpc
from lumbung_fulfillment.domain.failures import PositionAhead
from lumbung_fulfillment.entrypoints.messages import timestamp
from lumbung_kit.events import EventLog, StoredEvent
from lumbung_kit.failures import FieldViolation
from lumbung_kit.validate import Check

BATCH_MAX = 500
EVENTS_PER_RESPONSE_MAX = 200
"""Keeps a response well below what clients take in: a wave of 200 orders is one event of about 8 kB."""
POSITION_MAX = 2**62

Context = grpc.aio.ServicerContext[Any, Any]


class EventServicer(rpc.EventServiceServicer):
    """Streams the log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def Subscribe(
        self, request: pb.SubscribeRequest, context: Context
    ) -> AsyncIterator[pb.SubscribeResponse]:
        """Events after a position, then those that follow."""
        check = Check()
        after = check.whole("after_position", request.after_position, minimum=0, maximum=POSITION_MAX)
        batch = check.whole("batch_size", request.batch_size, minimum=0, maximum=BATCH_MAX) or BATCH_MAX
        check.done()
        await self._require_reached(after)
        async for stored in self._log.stream(after, min(batch, EVENTS_PER_RESPONSE_MAX)):
            head = await self._log.head()
            yield pb.SubscribeResponse(events=map(event_message, stored), head_position=head)

    async def _require_reached(self, position: int) -> None:
        head = await self._log.head()
        if position > head:
            raise PositionAhead(
                metadata={"head_position": str(head)},
                fields=[FieldViolation("after_position", f"must be at most {head}, the end of the log")],
            )


def event_message(stored: StoredEvent) -> pb.Event:
    """An event of the log with its place in it. Its kind names the field that its payload belongs in."""
    message = pb.Event(
        position=stored.position,
        event_id=str(stored.event_id),
        record_time=timestamp(stored.record_time),
        traceparent=stored.traceparent,
    )
    getattr(message, stored.kind).ParseFromString(stored.payload)
    return message
