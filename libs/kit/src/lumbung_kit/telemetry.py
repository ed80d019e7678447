"""Traces by OpenTelemetry, metrics by Prometheus: few spans, cheap counts.

A trace is either recorded in every service or in none: the first one to see it decides by `trace_ratio`, and
the decision travels in `traceparent`. Work that is not recorded costs no span, only a look at that decision.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, NamedTuple
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIServer

from opentelemetry import trace
from opentelemetry.context import Context, attach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue
from prometheus_client import start_http_server

from lumbung_kit import logs
from lumbung_kit.failures import Failure, Kind
from lumbung_kit.metrics import REGISTRY, SECONDS, SIZES, counter, gauge, histogram
from lumbung_kit.settings import ServiceSettings

__all__ = [
    "REGISTRY",
    "SECONDS",
    "SIZES",
    "SpanKind",
    "counter",
    "current_traceparent",
    "gauge",
    "histogram",
    "setup",
    "shutdown",
    "span",
]

SHUTDOWN_S_MAX = 3.0
EXPORT_TIMEOUT_S = 2
QUEUED_SPANS_MAX = 16_384
LINKS_MAX = 1000
"""A span of a batch links to all that it works for; OpenTelemetry keeps only 128 unless it is told."""
FAULTS = frozenset({Kind.INTERNAL, Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.UNIMPLEMENTED})
UNSAMPLED_TRACEPARENT: Final = f"00-{random.getrandbits(128) | 1:032x}-{random.getrandbits(64) | 1:016x}-00"
"""Tells the callee that this trace is not recorded. One id serves all: nothing is ever stored under it."""

_log = logs.get_logger(__name__)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_INVALID_TRACER: Final = trace.NoOpTracer()
_EXPORTED = counter("trace_export_spans", "Spans handed to the collector", ["outcome"])

_unrecorded: ContextVar[bool] = ContextVar("lumbung_unrecorded", default=False)


class _Running(NamedTuple):
    provider: TracerProvider
    tracer: trace.Tracer
    ratio: float


class _State:
    tracing: _Running | None = None
    metrics: tuple[WSGIServer, threading.Thread] | None = None


class _CountingExporter(SpanExporter):
    """Counts what reached the collector and what was lost."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        _EXPORTED.labels("sent" if result is SpanExportResult.SUCCESS else "lost").inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def setup(service: str, settings: ServiceSettings, *, exporter: SpanExporter | None = None) -> None:
    """Starts what the settings ask for: the export of spans, and /metrics.

    Call `shutdown` before another setup. `exporter` takes the place of the one for the collector.
    """
    if exporter is None and settings.otlp_endpoint:
        url = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
        exporter = OTLPSpanExporter(endpoint=url, timeout=EXPORT_TIMEOUT_S)
    if exporter is not None:
        provider = TracerProvider(
            sampler=ALWAYS_ON,  # whether to record is decided before a span is made
            resource=Resource.create({"service.name": service, "service.namespace": "lumbung"}),
            span_limits=SpanLimits(max_links=LINKS_MAX),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(_processor(exporter))
        _State.tracing = _Running(provider, provider.get_tracer("lumbung_kit"), settings.trace_ratio)
    if settings.metrics_listen:
        address = urlsplit(f"//{settings.metrics_listen}")
        _State.metrics = start_http_server(address.port or 0, address.hostname or "127.0.0.1", REGISTRY)
        _log.info("metrics", address=f"{address.hostname}:{_State.metrics[0].server_port}")


def _processor(exporter: SpanExporter) -> BatchSpanProcessor:
    return BatchSpanProcessor(
        _CountingExporter(exporter), max_queue_size=QUEUED_SPANS_MAX, schedule_delay_millis=500
    )


def shutdown() -> None:
    """Sends the spans that wait and stops, within about three seconds even when nobody takes them."""
    tracing, _State.tracing = _State.tracing, None
    if tracing is not None:
        flush = threading.Thread(target=tracing.provider.shutdown, name="trace-shutdown", daemon=True)
        flush.start()
        flush.join(SHUTDOWN_S_MAX)
    metrics, _State.metrics = _State.metrics, None
    if metrics is not None:
        server, thread = metrics
        server.shutdown()
        server.server_close()
        thread.join()


def current_traceparent() -> str:
    """The current span in W3C form, to be stored with an event; empty when nothing is being recorded."""
    return _traceparent(trace.get_current_span().get_span_context())


def outgoing_traceparent() -> str:
    """What a call to another service carries: the current span, 'not recorded', or empty: you decide."""
    return current_traceparent() or (UNSAMPLED_TRACEPARENT if _unrecorded.get() else "")


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[str] = (),
    parent: str | None = None,
    **attributes: AttributeValue,
) -> Iterator[Span]:
    """Records what happens inside, as a child of `parent` or of the current span.

    `links` and `parent` are traceparents. A span without a current one around it, but with links or a parent,
    is recorded when one of those is: so a batch or a consumer stays on the trail of what it works for. Other
    spans without a current one begin a trace, which is recorded by the ratio of the settings.
    """
    linked = [Link(context) for context in map(parse_traceparent, links) if context.trace_flags.sampled]
    started = start_span(name, kind, parent, linked, attributes, follows=bool(links) or parent is not None)
    if started is None:
        with _nothing_recorded() if _State.tracing else nullcontext():
            yield trace.INVALID_SPAN
        return
    with trace.use_span(started, record_exception=False, set_status_on_exception=False):
        try:
            yield started
        except Exception as error:
            mark_failed(started, error)
            raise
        finally:
            started.end()


def start_span(
    name: str,
    kind: SpanKind,
    parent: str | None,
    links: Sequence[Link],
    attributes: dict[str, AttributeValue],
    *,
    follows: bool = False,
) -> Span | None:
    """A started span that is not yet the current one, or None when this trace is not recorded."""
    context = trace.get_current_span().get_span_context() if parent is None else parse_traceparent(parent)
    if context.is_valid:
        if not context.trace_flags.sampled:
            return None
    elif not _record_root(bool(links), follows):
        return None
    around = (
        trace.set_span_in_context(trace.NonRecordingSpan(context), Context())
        if context.is_valid
        else Context()
    )
    tracer = _State.tracing.tracer if _State.tracing else _INVALID_TRACER
    return tracer.start_span(name, context=around, kind=kind, links=links, attributes=attributes)


def _record_root(linked: bool, follows: bool) -> bool:
    if _State.tracing is None:
        return False
    if linked or follows:
        return linked
    return not _unrecorded.get() and random.random() < _State.tracing.ratio


def start_server_span(method: str, traceparent: str, *, may_begin: bool) -> Span | None:
    """Begins the span of an incoming call, current for the rest of its task; None when it is not recorded.

    A call that comes without a trace begins one if it `may_begin`, by the ratio of the settings.
    """
    tracing, started = _State.tracing, None
    if traceparent:
        if not traceparent.endswith("-00"):
            started = start_span(method, SpanKind.SERVER, traceparent, (), rpc_attributes(method))
    elif tracing is None:
        return None
    elif may_begin and random.random() < tracing.ratio:
        started = tracing.tracer.start_span(method, Context(), SpanKind.SERVER, rpc_attributes(method))
    if started is None:
        _unrecorded.set(True)
    else:
        attach(trace.set_span_in_context(started))
    return started


def end_server_span(started: Span, code: str, failure: Failure | None) -> None:
    """Ends the span of an incoming call with the name of its gRPC status code."""
    started.set_attribute("rpc.response.status_code", code)
    if failure is not None:
        mark_failed(started, failure)
    started.end()


def rpc_attributes(method: str) -> dict[str, AttributeValue]:
    """What every span of a call says, by the semantic conventions; `method` is `package.Service/Method`."""
    return {"rpc.system.name": "grpc", "rpc.method": method}


def mark_failed(failed: Span, error: BaseException) -> None:
    """Names the error's type, never its text, which may hold personal data. A refusal is no error of ours."""
    if isinstance(error, Failure):
        failed.set_attribute("lumbung.reason", error.reason)
        if error.kind not in FAULTS:
            return
    failed.set_attribute("error.type", type(error).__qualname__)
    failed.set_status(StatusCode.ERROR)


@contextmanager
def _nothing_recorded() -> Iterator[None]:
    token = _unrecorded.set(True)
    try:
        yield
    finally:
        _unrecorded.reset(token)


def parse_traceparent(value: str) -> SpanContext:
    """The span that a traceparent names; the invalid one when it is empty or malformed."""
    match = _TRACEPARENT.fullmatch(value)
    if match is None:
        return trace.INVALID_SPAN_CONTEXT
    trace_id, span_id, flags = (int(part, 16) for part in match.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def _traceparent(context: SpanContext) -> str:
    if not (context.is_valid and context.trace_flags.sampled):
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def traceparent_of(started: Span) -> str:
    """The traceparent that makes another span a child of this one; empty when it is not recorded."""
    return _traceparent(started.get_span_context())
