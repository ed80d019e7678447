"""EventService over gRPC: the log of changes, for those who follow it."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import events_pb2 as pb
from lumbung.catalog.v1 import events_pb2_grpc as rpc
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.failures import PositionAhead
from lumbung_catalog.stores.journal import PRODUCT_CHANGED, SKU_CHANGED
from lumbung_catalog.wire import timestamp
from lumbung_kit.events import EventLog, StoredEvent
from lumbung_kit.failures import FieldViolation
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]

_POSITION_MAX = 2**62


class EventServicer(rpc.EventServiceServicer):
    """The catalog's events, in order and without gaps."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @override
    async def Subscribe(
        self, request: pb.SubscribeRequest, context: Context
    ) -> AsyncIterator[pb.SubscribeResponse]:
        check = Check()
        after = check.whole("after_position", request.after_position, minimum=0, maximum=_POSITION_MAX)
        check.whole("limit", request.limit, minimum=0, maximum=limits.SUBSCRIBE_LIMIT_MAX)
        check.done()
        await self._require_reached(after)
        remaining = request.limit or _POSITION_MAX
        batch_max = min(limits.EVENTS_PER_MESSAGE_MAX, remaining)
        async for batch in self._log.stream(after, batch_max):
            sent = batch[:remaining]
            yield await self._message(sent)
            remaining -= len(sent)
            if not remaining:
                return

    async def _require_reached(self, position: int) -> None:
        head = await self._log.head()
        if position > head:
            raise PositionAhead(
                metadata={"head_position": str(head)},
                fields=[FieldViolation("after_position", f"must be at most {head}, the end of the log")],
            )

    async def _message(self, events: Sequence[StoredEvent]) -> pb.SubscribeResponse:
        head = await self._log.head()
        return pb.SubscribeResponse(events=map(_event_message, events), head_position=head)


def _event_message(event: StoredEvent) -> pb.Event:
    message = pb.Event(
        position=event.position,
        event_id=str(event.event_id),
        record_time=timestamp(event.record_time),
        traceparent=event.traceparent,
    )
    if event.kind == SKU_CHANGED:
        message.sku_changed.ParseFromString(event.payload)
    elif event.kind == PRODUCT_CHANGED:
        message.product_changed.ParseFromString(event.payload)
    return message
