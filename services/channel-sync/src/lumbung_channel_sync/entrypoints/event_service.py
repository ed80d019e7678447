"""EventService: what happened here, as a log."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from lumbung.channel_sync.v1 import events_pb2 as pb
from lumbung.channel_sync.v1 import events_pb2_grpc as rpc
from lumbung_channel_sync import wire
from lumbung_kit.events import EventLog, StoredEvent
from lumbung_kit.validate import Check

BATCH_MAX = 500


class EventService(rpc.EventServiceServicer):
    """Streams the log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def Subscribe(
        self,
        request: pb.SubscribeRequest,
        context: grpc.aio.ServicerContext[pb.SubscribeRequest, pb.SubscribeResponse],
    ) -> AsyncIterator[pb.SubscribeResponse]:
        """Events after a position, then those that follow."""
        check = Check()
        after = check.whole("after_position", request.after_position, minimum=0, maximum=2**63 - 1)
        limit = check.whole("limit", request.limit, minimum=0, maximum=BATCH_MAX) or BATCH_MAX
        check.done()
        async for stored in self._log.stream(after, limit):
            head = await self._log.head()
            yield pb.SubscribeResponse(events=[_event(one) for one in stored], head_position=head)


def _event(stored: StoredEvent) -> pb.Event:
    event = pb.Event.FromString(stored.payload)
    event.position = stored.position
    event.event_id = str(stored.event_id)
    event.record_time.CopyFrom(wire.timestamp_of(stored.record_time))
    event.traceparent = stored.traceparent
    return event
