"""One order's trail: which services it passed, as their own spans tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung.channel_sync.v1 import channel_orders_pb2
from lumbung_dev.demo.act6_parcels import Parcels
from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import Waited, eventually, patiently
from lumbung_dev.local.traces import SpanSeen, followed

_ARRIVE_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Trail:
    """What was seen of one order."""

    order_reference: str
    trace_id: str
    services: tuple[str, ...]
    """In the order in which the trail reached them."""
    span_count: int


async def follow(play: Play, parcels: Parcels) -> Trail:
    """Of a marketplace's order that was shipped: from the webhook on. Waits until no more spans come."""
    order = next(order for order in parcels.orders if order.channel_code in play.shops)
    request = channel_orders_pb2.GetChannelOrderRequest(
        channel_code=order.channel_code, order_ref=order.order_reference
    )
    known = (await patiently(play.staff.channel_orders.GetChannelOrder, request)).order
    trace_id = known.traceparent.split("-")[1] if known.traceparent else ""
    seen: list[SpanSeen] = []

    async def grown() -> bool:
        nonlocal seen
        before, seen = len(seen), followed(play.collector.spans, trace_id)
        return len(seen) == before > 0

    try:
        await eventually(grown, "the trace has arrived whole", within_s=_ARRIVE_S_MAX, every_s=1.0)
    except Waited:
        seen = []
    return Trail(order.order_reference, trace_id, _services(seen), len(seen))


def _services(spans: Sequence[SpanSeen]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(span.service for span in spans))
