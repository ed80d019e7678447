"""One order's trail: which services it passed, as their own spans tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lumbung_dev.demo.play import Play
from lumbung_dev.local.patience import Waited, eventually
from lumbung_dev.local.traces import SpanSeen, followed

_ARRIVE_S_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Trail:
    """What was seen of one order."""

    order_reference: str
    channel: str
    trace_id: str
    services: tuple[str, ...]
    """In the order in which the trail reached them."""
    span_count: int


async def follow(play: Play, channel: str, order_reference: str, traceparent: str) -> Trail:
    """Reads the collector once spans of every service that the order must have passed have come."""
    trace_id = traceparent.split("-")[1] if traceparent else ""
    seen: list[SpanSeen] = []

    async def grown() -> bool:
        nonlocal seen
        before, seen = len(seen), followed(play.collector.spans, trace_id)
        return len(seen) == before > 0

    try:
        await eventually(grown, "the trace has arrived whole", within_s=_ARRIVE_S_MAX, every_s=1.0)
    except Waited:
        seen = []
    return Trail(order_reference, channel, trace_id, _services(seen), len(seen))


def _services(spans: Sequence[SpanSeen]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(span.service for span in spans))
