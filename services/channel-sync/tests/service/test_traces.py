"""One order is one trace: from the webhook, across the inbox, to stock and into our events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from lumbung.channel_sync.v1 import channel_orders_pb2 as pb
from lumbung.channel_sync.v1 import events_pb2
from lumbung_kit import telemetry
from lumbung_kit.settings import ServiceSettings

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def recorded() -> Iterator[InMemorySpanExporter]:
    """Spans of this process."""
    exporter = InMemorySpanExporter()
    telemetry.setup("channel-sync", ServiceSettings(postgres_url=SecretStr("unused")), exporter=exporter)
    yield exporter
    telemetry.shutdown()


@pytest.mark.usefixtures("recorded")
async def test_the_webhooks_trace_goes_on_in_stock_and_in_the_event(world: Any) -> None:
    await world.connect()
    await world.sell("TKR-1", "KOPI-250", 5)
    body = {"order_id": "T-1", "lines": [{"listing_id": "TKR-1", "quantity": 1}]}
    await world.deliver("order.placed", body, headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"})
    order = await world.order_is("T-1", pb.CHANNEL_ORDER_STATE_ACCEPTED)
    assert order.traceparent.split("-")[1] == TRACE_ID
    assert {trace.split("-")[1] for trace in world.stock.traces} == {TRACE_ID}
    async for response in world.events.Subscribe(events_pb2.SubscribeRequest()):
        accepted = [
            event for event in response.events if event.WhichOneof("payload") == "channel_order_accepted"
        ]
        if accepted:
            assert accepted[0].traceparent.split("-")[1] == TRACE_ID
            break
