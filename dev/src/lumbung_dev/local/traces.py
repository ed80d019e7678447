"""A small OTLP/HTTP collector that keeps what it is sent: an order can be followed through the services."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

_SPANS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """One span that a service has sent."""

    service: str
    name: str
    trace_id: str
    span_id: str
    linked_trace_ids: tuple[str, ...]
    start_unix_ns: int


class TraceCollector:
    """Listens on a free port between `with` and its end. Of too many spans it keeps the first."""

    def __init__(self) -> None:
        self._spans: list[SpanSeen] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self._spans))
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="trace-collector", daemon=True
        )

    @property
    def endpoint(self) -> str:
        """What services are told as their OTLP endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[SpanSeen]:
        """Everything so far."""
        return list(self._spans)

    def __enter__(self) -> TraceCollector:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def followed(spans: Iterable[SpanSeen], trace_id: str) -> list[SpanSeen]:
    """The spans of a trace and of every trace that links to it, however far, by their begin."""
    everything = list(spans)
    traces = {trace_id}
    while grown := _linked_to(everything, traces) - traces:
        traces |= grown
    return sorted(
        (span for span in everything if span.trace_id in traces), key=lambda span: span.start_unix_ns
    )


def _linked_to(spans: Iterable[SpanSeen], traces: set[str]) -> set[str]:
    return {span.trace_id for span in spans if traces.intersection(span.linked_trace_ids)}


def _handler_for(spans: list[SpanSeen]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                if len(spans) < _SPANS_MAX:
                    spans.extend(_read(resource))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Each export is routine."""

    return Handler


def _read(resource: ResourceSpans) -> Iterator[SpanSeen]:
    names = [each.value.string_value for each in resource.resource.attributes if each.key == "service.name"]
    for scope in resource.scope_spans:
        for span in scope.spans:
            yield SpanSeen(
                service=names[0] if names else "",
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                linked_trace_ids=tuple(link.trace_id.hex() for link in span.links),
                start_unix_ns=span.start_time_unix_nano,
            )
