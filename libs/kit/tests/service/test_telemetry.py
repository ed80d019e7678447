from __future__ import annotations

import asyncio
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import SecretStr

from lumbung_kit import metrics, telemetry
from lumbung_kit.failures import BadInput
from lumbung_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from .conftest import MakeStage, Stage

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"


def settings(**chosen: Any) -> ServiceSettings:
    return ServiceSettings(postgres_url=SecretStr("unused"), **chosen)


class Recorded:
    """The spans that were recorded, once tracing has stopped."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def all(self) -> list[ReadableSpan]:
        telemetry.shutdown()
        return list(self.exporter.get_finished_spans())

    def one(self, kind: SpanKind) -> ReadableSpan:
        (span,) = [span for span in self.all() if span.kind is kind]
        return span


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recording = Recorded()
    telemetry.setup("probe", settings(), exporter=recording.exporter)
    yield recording
    telemetry.shutdown()


@pytest.fixture
def rarely_recorded() -> Iterator[Recorded]:
    recording = Recorded()
    telemetry.setup("probe", settings(trace_ratio=0), exporter=recording.exporter)
    yield recording
    telemetry.shutdown()


async def incoming_traceparent(_request: Any, call: Any) -> StringValue:
    return StringValue(value=dict(call.invocation_metadata()).get("traceparent", ""))


async def test_one_trace_goes_from_the_client_through_two_services(
    recorded: Recorded, make_stage: MakeStage
) -> None:
    upstream, downstream = await make_stage(), await make_stage()
    further = await downstream.our_stub()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        with telemetry.span("think", shelf=7):
            answer: StringValue = await further.ask(request)
            return answer

    upstream.probe.ask = ask
    await (await upstream.our_stub()).ask(StringValue())
    await asyncio.gather(upstream.server.stop(0), downstream.server.stop(0))
    spans = {span.context.span_id: span for span in recorded.all() if span.context}
    assert len({span.context.trace_id for span in spans.values() if span.context}) == 1
    (leaf,) = [span for span in spans.values() if span.context and not is_parent(span, spans.values())]
    chain = [leaf]
    while parent := chain[-1].parent:
        chain.append(spans[parent.span_id])
    kinds = [span.kind for span in reversed(chain)]
    assert kinds == [
        SpanKind.CLIENT,
        SpanKind.SERVER,
        SpanKind.INTERNAL,
        SpanKind.CLIENT,
        SpanKind.SERVER,
    ]


def is_parent(span: ReadableSpan, spans: Any) -> bool:
    return any(other.parent and other.parent.span_id == span.context.span_id for other in spans)


async def test_a_server_span_follows_the_conventions(recorded: Recorded, stage: Stage) -> None:
    await (await stage.stub()).ask(StringValue(), metadata=(("traceparent", SAMPLED),))
    await stage.server.stop(0)
    span = recorded.one(SpanKind.SERVER)
    assert span.name == "probe.v1.ProbeService/Ask"
    assert span.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "probe.v1.ProbeService/Ask",
        "rpc.response.status_code": "OK",
    }
    assert span.resource.attributes["service.name"] == "probe"
    assert span.parent
    assert (f"{span.parent.trace_id:x}", f"{span.parent.span_id:x}") == (TRACE.lstrip("0"), PARENT)


async def test_a_refusal_is_no_error_and_a_bug_is(recorded: Recorded, stage: Stage) -> None:
    async def ask(request: StringValue, _call: Any) -> StringValue:
        raise BadInput if request.value == "refuse" else ValueError("hunter2")

    stage.probe.ask = ask
    stub = await stage.stub()
    for value in ("refuse", "break"):
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.ask(StringValue(value=value))
    await stage.server.stop(0)
    refused, broken = recorded.all()
    assert refused.status.status_code is StatusCode.UNSET
    assert dict(refused.attributes or {}).items() >= {
        ("rpc.response.status_code", "INVALID_ARGUMENT"),
        ("lumbung.reason", "BAD_INPUT"),
    }
    assert broken.status.status_code is StatusCode.ERROR
    assert dict(broken.attributes or {})["rpc.response.status_code"] == "INTERNAL"
    assert "hunter2" not in broken.to_json()


async def test_a_trace_that_its_beginner_does_not_record_is_recorded_nowhere(
    recorded: Recorded, make_stage: MakeStage
) -> None:
    upstream, downstream = await make_stage(), await make_stage()
    downstream.probe.ask = incoming_traceparent
    further = await downstream.our_stub()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        with telemetry.span("think"):
            assert telemetry.current_traceparent() == ""
            answer: StringValue = await further.ask(request)
            return answer

    upstream.probe.ask = ask
    answer = await (await upstream.stub()).ask(StringValue(), metadata=(("traceparent", UNSAMPLED),))
    assert answer.value.endswith("-00")
    assert recorded.all() == []


async def test_a_sampled_caller_is_followed_whatever_the_ratio(
    rarely_recorded: Recorded, stage: Stage
) -> None:
    stub = await stage.stub()
    await stub.ask(StringValue(), metadata=(("traceparent", SAMPLED),))
    await stub.ask(StringValue())
    await stub.ask(StringValue(), metadata=(("traceparent", "nonsense"),))
    await stage.server.stop(0)
    assert len(rarely_recorded.all()) == 1


async def test_without_tracing_a_callers_trace_is_still_passed_on(make_stage: MakeStage) -> None:
    upstream, downstream = await make_stage(), await make_stage()
    downstream.probe.ask = incoming_traceparent
    further = await downstream.our_stub()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        answer: StringValue = await further.ask(request)
        return answer

    upstream.probe.ask = ask
    stub = await upstream.stub()
    assert (await stub.ask(StringValue(), metadata=(("traceparent", SAMPLED),))).value == SAMPLED
    assert (await stub.ask(StringValue())).value == ""


async def test_a_stream_that_follows_begins_no_trace_of_its_own(recorded: Recorded, stage: Stage) -> None:
    stub = await stage.our_stub()
    assert [answer.value async for answer in stub.follow(StringValue(value="ab"))] == ["a", "b"]
    await stage.server.stop(0)
    assert recorded.all() == []


def test_a_span_that_links_is_recorded_when_what_it_links_is(rarely_recorded: Recorded) -> None:
    with telemetry.span("batch", links=[SAMPLED, UNSAMPLED, ""], size=3):
        assert telemetry.current_traceparent()
    with telemetry.span("other batch", links=["", UNSAMPLED]):
        assert telemetry.current_traceparent() == ""
    with telemetry.span("child", parent=SAMPLED):
        assert telemetry.current_traceparent()[3:35] == TRACE
    with telemetry.span("not a child", parent=""):
        assert telemetry.current_traceparent() == ""
    with telemetry.span("rare root"):
        assert telemetry.current_traceparent() == ""
    batch, child = rarely_recorded.all()
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [TRACE]
    assert child.parent
    assert f"{child.parent.span_id:016x}" == PARENT


def test_a_span_links_to_every_event_of_the_largest_batch(recorded: Recorded) -> None:
    with telemetry.span("batch", links=[f"00-{number:032x}-{PARENT}-01" for number in range(1, 501)]):
        pass
    (batch,) = recorded.all()
    assert len(batch.links) == 500


def test_a_span_names_the_type_of_an_error_and_not_its_text(recorded: Recorded) -> None:
    with pytest.raises(LookupError), telemetry.span("work"):
        raise LookupError("Ani, Jalan Melati 7")
    (span,) = recorded.all()
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {})["error.type"] == "LookupError"
    assert "Melati" not in span.to_json()


def test_metrics_are_served_where_the_settings_say() -> None:
    metrics.counter("probe_things", "Things", ["kind"]).labels("shelf").inc()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    telemetry.setup("probe", settings(metrics_listen=address))
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        telemetry.shutdown()
    assert 'probe_things_total{kind="shelf"} 1.0' in text


async def test_the_duration_of_calls_is_observed_by_method_and_code(stage: Stage) -> None:
    labels = {"rpc_method": "probe.v1.ProbeService/Ask", "code": "OK"}

    def count() -> float:
        return metrics.REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0

    before = count()
    async with asyncio.TaskGroup() as calls:
        stub = await stage.stub()
        for _ in range(3):
            calls.create_task(as_coroutine(stub.ask(StringValue())))
    await stage.server.stop(0)
    assert count() == before + 3
    method = {"rpc_method": "probe.v1.ProbeService/Ask"}
    assert metrics.REGISTRY.get_sample_value("rpc_server_calls_in_flight", method) == 0


async def as_coroutine(call: Any) -> Any:
    return await call


def test_the_same_metric_can_be_asked_for_twice_but_not_as_another_kind() -> None:
    assert metrics.counter("probe_twice", "Twice") is metrics.counter("probe_twice", "Twice")
    with pytest.raises(TypeError, match="probe_twice is a Counter"):
        metrics.gauge("probe_twice", "Twice")


class StuckExporter(SpanExporter):
    """A collector that takes nothing until it is let go."""

    def __init__(self) -> None:
        self.asked, self.go_on, self.done = threading.Event(), threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - it takes none
        self.asked.set()
        self.go_on.wait()
        self.done.set()
        return SpanExportResult.FAILURE


def test_a_collector_that_does_not_answer_does_not_hold_up_the_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telemetry, "SHUTDOWN_S_MAX", 0.05)
    stuck = StuckExporter()
    telemetry.setup("probe", settings(), exporter=stuck)
    with telemetry.span("lost"):
        pass
    telemetry.shutdown()
    assert stuck.asked.wait(60)
    assert not stuck.done.is_set()
    stuck.go_on.set()


async def test_an_event_loop_that_is_held_up_is_seen(stage: Stage) -> None:
    def held_up() -> float:
        return metrics.REGISTRY.get_sample_value("event_loop_lag_seconds_sum") or 0

    before = held_up()

    async def ask(request: StringValue, _call: Any) -> StringValue:
        time.sleep(0.5)  # noqa: ASYNC251 - as a careless handler does
        return request

    stage.probe.ask = ask
    stub = await stage.stub()
    async with asyncio.timeout(60):
        while held_up() - before < 0.3:
            await stub.ask(StringValue())
