"""The load generator against a real grpc.aio server: what it counts is what happened there."""

from __future__ import annotations

import asyncio
import json
import re

import hpack
import pytest

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_bench import reservations
from lumbung_bench.load.drive import FAILED_PRECONDITION, OK
from lumbung_bench.load.messages import Template
from lumbung_bench.load.schedule import Arrivals, Saturating
from lumbung_bench.load.spec import LoadReport, LoadSpec
from lumbung_bench.load.statuses import UNKNOWN, Statuses

from .conftest import CARTS, OpenStand

LARGE_BYTES = 1 << 20


def ids(first: int, count: int) -> set[str]:
    return {f"{reservations.REQUEST_PREFIX}{number:010d}" for number in range(first, first + count)}


async def refuse_odd(request: pb.ReserveRequest) -> str:
    return "OUT_OF_STOCK" if int(request.request_id[-1]) % 2 else ""


def expected_outcomes(first: int, count: int) -> bytes:
    return bytes(1 + (FAILED_PRECONDITION if number % 2 else OK) for number in range(first, first + count))


async def test_each_call_has_an_id_of_its_own_and_its_answer_is_noted_under_it(open_stand: OpenStand) -> None:
    stand = await open_stand(refuse_odd)
    report = await stand.load(first_number=7, calls_max=301)
    assert report.sent == 301
    assert report.unanswered == 0
    assert report.statuses == {"0": 150, "9": 151}
    assert set(stand.shop.seen) == ids(7, 301)
    assert set(stand.shop.seen.values()) == {1}
    assert len(stand.shop.customers) == 301
    assert stand.outcomes() == expected_outcomes(7, 301)
    assert report.rate_per_s > 0
    assert 0 < report.latency.p50_ms <= report.latency.p99_ms <= report.latency.max_ms


async def test_a_batch_counts_each_of_its_reservations(open_stand: OpenStand) -> None:
    stand = await open_stand(refuse_odd)
    report = await stand.load(
        form="batch",
        path=reservations.BATCH_RESERVE,
        templates=reservations.batch(CARTS, 64),
        calls_max=10,
        first_number=1,
    )
    assert report.sent == 640
    assert report.statuses == {"0": 320, "9": 320}
    assert set(stand.shop.seen) == ids(1, 640)
    assert stand.outcomes() == expected_outcomes(1, 640)


async def test_a_stream_matches_answers_by_request_id(open_stand: OpenStand) -> None:
    stand = await open_stand(refuse_odd)
    report = await stand.load(
        form="stream", path=reservations.RESERVE_STREAM, templates=reservations.stream(CARTS)
    )
    assert report.statuses == {"0": 150, "9": 150}
    assert set(stand.shop.seen) == ids(0, 300)
    assert stand.outcomes() == expected_outcomes(0, 300)


async def test_a_call_that_the_server_does_not_have_fails_and_is_counted_so(open_stand: OpenStand) -> None:
    stand = await open_stand()
    report = await stand.load(path="/lumbung.stock.v1.ReservationService/Nothing", calls_max=20)
    assert report.statuses == {"12": 20}


async def test_large_messages_keep_to_the_servers_windows(open_stand: OpenStand) -> None:
    sizes: list[int] = []

    async def note_size(request: pb.ReserveRequest) -> str:
        sizes.append(request.ByteSize())
        return ""

    stand = await open_stand(note_size, ("grpc.max_receive_message_length", 2 * LARGE_BYTES))
    body = reservations.request(CARTS[0], "9000000000")
    body.customer_reference += "x" * LARGE_BYTES
    large = Template.of(body.SerializeToString())
    report = await stand.load(templates=[large], in_flight=200, connections=4, calls_max=250)
    assert report.statuses == {"0": 250}
    assert sizes == [body.ByteSize()] * 250
    assert report.answer_bytes > LARGE_BYTES


async def test_it_never_has_more_streams_open_than_the_server_allows(open_stand: OpenStand) -> None:
    async def yield_once(request: pb.ReserveRequest) -> str:
        await asyncio.sleep(0)
        return ""

    stand = await open_stand(yield_once, ("grpc.max_concurrent_streams", 5))
    report = await stand.load(in_flight=100, connections=2)
    assert report.statuses == {"0": 300}
    assert 1 <= stand.shop.busiest <= 10


async def test_latency_is_counted_from_the_moment_at_which_a_call_was_due(open_stand: OpenStand) -> None:
    """One call in flight at a time, and the first takes half a second: those that were due meanwhile have waited.
    A generator that sends the next call when the last was answered, and counts from there, would see one slow call.
    """
    slow_s = 0.5
    first = asyncio.Event()

    async def slow_at_first(request: pb.ReserveRequest) -> str:
        if not first.is_set():
            first.set()
            await asyncio.sleep(slow_s)
        return ""

    stand = await open_stand(slow_at_first, ("grpc.max_concurrent_streams", 1))
    report = await stand.load(rate_per_s=200, connections=1, calls_max=100, seed=4)
    assert report.statuses == {"0": 100}
    assert report.latency.max_ms >= slow_s * 1e3
    assert report.latency.p50_ms >= slow_s * 1e3 / 5


async def test_a_server_that_goes_away_ends_the_load_with_every_call_accounted_for(
    open_stand: OpenStand,
) -> None:
    asked_enough = asyncio.Event()
    stand = await open_stand()

    async def count(request: pb.ReserveRequest) -> str:
        if len(stand.shop.seen) >= 100:
            asked_enough.set()
        return ""

    stand.shop.decide = count
    load = asyncio.create_task(stand.load(calls_max=0))
    await asked_enough.wait()
    await stand.server.stop(5)
    report = await load
    # gRPC may close the connection on a call that it has taken in and nobody has looked at yet.
    assert re.fullmatch(r"(the server closed the connection with \d+ calls in flight)?", report.trouble)
    unheard = stand.outcomes().count(0)
    assert sum(report.statuses.values()) + unheard == report.sent
    assert len(stand.shop.seen) >= 100
    assert 0 <= len(stand.shop.seen) - report.statuses["0"] <= unheard


async def test_pings_are_answered(open_stand: OpenStand) -> None:
    """A server that gets no answer to its pings closes the connection."""

    async def take_long(request: pb.ReserveRequest) -> str:
        await asyncio.sleep(1.5)
        return ""

    stand = await open_stand(take_long, ("grpc.keepalive_time_ms", 100), ("grpc.keepalive_timeout_ms", 1000))
    report = await stand.load(in_flight=2, calls_max=2)
    assert report.statuses == {"0": 2}


async def test_refusals_that_differ_are_not_decoded(
    open_stand: OpenStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(self: Statuses, block: bytes) -> int:
        raise AssertionError(f"decoded {block!r}")

    async def refuse_each(request: pb.ReserveRequest) -> str:
        return f"OUT_OF_STOCK {request.request_id}" if request.request_id.endswith("7") else ""

    monkeypatch.setattr(Statuses, "_decode", decode)
    stand = await open_stand(refuse_each)
    report = await stand.load()
    assert report.statuses == {"0": 270, "9": 30}


@pytest.mark.parametrize("huffman", [True, False])
@pytest.mark.parametrize("status", [0, 9, 14])
def test_a_status_is_found_however_it_is_written(status: int, huffman: bool) -> None:
    headers = [("content-type", "application/grpc", True), ("grpc-status", str(status), True)]
    block = hpack.Encoder().encode([*headers, ("grpc-message", "x" * 300, True)], huffman=huffman)
    assert Statuses().of(block) == status


def test_trailers_without_a_status_are_unknown() -> None:
    block = hpack.Encoder().encode([("grpc-message", "lost", True)], huffman=False)
    assert Statuses().of(block) == UNKNOWN


def test_arrivals_are_due_whether_or_not_anybody_looked() -> None:
    arrivals = Arrivals(1000, start=100.0, seed=1)
    late = arrivals.due(102.0, in_flight=10_000)
    assert 1800 < len(late) < 2200
    assert late == sorted(late)
    assert late[0] == 100.0
    assert arrivals.next_at() > 102.0
    assert Arrivals(1000, start=100.0, seed=1).due(102.0, in_flight=0) == late


def test_saturating_replaces_what_was_answered() -> None:
    assert Saturating(64).due(5.0, in_flight=60) == [5.0] * 4
    assert Saturating(64).due(5.0, in_flight=64) == []


def test_a_template_without_a_place_for_its_number_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        Template.of(b"the same for everybody")


async def test_spec_and_report_survive_the_way_to_another_process(open_stand: OpenStand) -> None:
    stand = await open_stand()
    spec = stand.spec(templates=reservations.batch(CARTS, 3))
    assert LoadSpec.from_json(spec.to_json()) == spec
    report = await stand.load(calls_max=5)
    assert LoadReport.from_json(report.to_json()) == report
    assert json.loads(report.to_json())["sent"] == 5
