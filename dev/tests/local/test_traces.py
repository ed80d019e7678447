"""The collector reads what OpenTelemetry's own exporter sends, and follows links from trace to trace."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, Tracer

from lumbung_dev.local.traces import TraceCollector, followed


def tracer(service: str, collector: TraceCollector) -> Tracer:
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{collector.endpoint}/v1/traces")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test")


def test_an_order_is_followed_over_links_and_nothing_else_is() -> None:
    with TraceCollector() as collector:
        stock, fulfillment = tracer("stock", collector), tracer("fulfillment", collector)
        with stock.start_as_current_span("Confirm") as confirm:
            pass
        with fulfillment.start_as_current_span(
            "take order", links=[Link(confirm.get_span_context())]
        ) as take:
            pass
        with fulfillment.start_as_current_span("ship", links=[Link(take.get_span_context())]):
            pass
        with stock.start_as_current_span("another order"):
            pass
        trace_id = f"{confirm.get_span_context().trace_id:032x}"
        seen = followed(collector.spans, trace_id)
    assert [(span.service, span.name) for span in seen] == [
        ("stock", "Confirm"),
        ("fulfillment", "take order"),
        ("fulfillment", "ship"),
    ]
