"""EventService: what happened in stock, as a log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import grpc

from lumbung.stock.v1 import events_pb2 as pb
from lumbung.stock.v1 import events_pb2_grpc as rpc
from lumbung_kit.events import EventLog, StoredEvent
from lumbung_kit.validate import Check
from lumbung_stock.wire.reservations import timestamp

BATCH_MAX = 500
RESPONSE_BYTES_MAX = 1024 * 1024
"""Well below what clients take in: a receipt of 500 lines is one event of about 70 kB."""


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
        batch = check.whole("batch_size", request.batch_size, minimum=0, maximum=BATCH_MAX) or BATCH_MAX
        check.done()
        async for stored in self._log.stream(after, batch):
            head = await self._log.head()
            for portion in portions(stored, RESPONSE_BYTES_MAX):
                yield pb.SubscribeResponse(events=map(event_message, portion), head_position=head)


def portions(stored: Sequence[StoredEvent], bytes_max: int) -> Iterator[list[StoredEvent]]:
    """The events in responses of bounded size, at least one event each; none make one empty response."""
    portion: list[StoredEvent] = []
    size = 0
    for event in stored:
        if portion and size + len(event.payload) > bytes_max:
            yield portion
            portion, size = [], 0
        portion.append(event)
        size += len(event.payload)
    yield portion


def event_message(stored: StoredEvent) -> pb.Event:
    """An event of the log with its place in it."""
    event = pb.Event.FromString(stored.payload)
    event.position = stored.position
    event.event_id = str(stored.event_id)
    event.record_time.CopyFrom(timestamp(stored.record_time))
    event.traceparent = stored.traceparent
    return event
