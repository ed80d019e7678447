"""Sends what is due, takes what is answered, over several connections in one thread."""

from __future__ import annotations

import itertools
import select
import time
from array import array
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TypeAlias

from lumbung.stock.v1 import reservations_pb2 as pb
from lumbung_bench.load import frames
from lumbung_bench.load.connection import NOT_TAKEN, Connection, ProtocolError
from lumbung_bench.load.messages import DIGITS, together, total_reservations
from lumbung_bench.load.resp import RespConnection
from lumbung_bench.load.schedule import Arrivals, Saturating, Schedule
from lumbung_bench.load.spec import Latency, LoadReport, LoadSpec

PATIENCE_S = 20.0
"""How long answers are waited for when nothing more is sent."""
OK = 0
FAILED_PRECONDITION = 9
STREAM_MESSAGE_MAX = 100
"""Most reservations in one message of ReserveStream."""
STREAM_FAILED = "a stream ended with status {}"
_WAIT_S_MAX = 0.1


_Call: TypeAlias = tuple[int, float]
"""The number of its (first) reservation, and the moment at which it was due."""


@dataclass(slots=True)
class _Lane:
    """One connection, and what is in flight on it, by stream, or by number on a long-lived stream."""

    connection: Connection | RespConnection
    in_flight: dict[int, _Call] = field(default_factory=dict)
    long_stream: int = 0
    unsent: list[bytearray] = field(default_factory=list)

    def fileno(self) -> int:
        """For `select`."""
        return self.connection.fileno()

    def send_together(self) -> None:
        """What has come up since the last message on the long-lived stream, in one."""
        if self.unsent:
            self.connection.send(self.long_stream, together(self.unsent))
            self.unsent.clear()


def header_block(spec: LoadSpec) -> bytes:
    """The headers of every call."""
    return frames.header_block(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", spec.path),
            (":authority", spec.target),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("grpc-timeout", f"{spec.deadline_s}S"),
            ("lumbung-actor", "storefront:bench"),
        ]
    )


class Drive:
    """One load from its first request to its last answer."""

    def __init__(self, spec: LoadSpec) -> None:
        self._spec = spec
        self._block = header_block(spec)
        self._size = total_reservations(spec.templates)
        self._next_number = spec.first_number
        self._left_over = 0
        self._calls = 0
        self._answered = 0
        self._backlog: deque[float] = deque()
        self._again: deque[_Call] = deque()
        self._outcomes = bytearray()
        self._latencies: array[float] = array("d")
        self._measured = 0
        self._trouble = ""
        self._measure_from = self._measure_to = 0.0
        self._lanes: list[_Lane] = []
        self._turns = itertools.cycle(self._lanes)

    def run(self) -> LoadReport:
        """Connects, warms up, measures, waits for what is in flight."""
        self._connect()
        cpu = time.process_time()
        try:
            self._send_for_a_time()
            self._wait_for_the_rest()
        except ProtocolError as error:
            self._trouble = str(error)
        finally:
            for lane in self._lanes:
                lane.connection.close()
        return self._report(time.process_time() - cpu)

    # Sending

    def _connect(self) -> None:
        for _ in range(self._spec.connections):
            lane = _Lane(self._connection())
            if self._spec.form == "stream":
                lane.long_stream = lane.connection.open_stream(self._block, None, ends_stream=False)
            self._lanes.append(lane)
        self._turns = itertools.cycle(self._lanes)

    def _connection(self) -> Connection | RespConnection:
        if self._spec.form == "command":
            return RespConnection(self._spec.target)
        host, _, port = self._spec.target.rpartition(":")
        return Connection(host, int(port), keep_messages=self._spec.form != "unary")

    def _send_for_a_time(self) -> None:
        start = time.perf_counter()
        self._measure_from = start + self._spec.warm_up_s
        self._measure_to = self._measure_from + self._spec.measure_s
        schedule: Schedule = Saturating(self._spec.in_flight)
        if self._spec.rate_per_s:
            schedule = Arrivals(self._spec.rate_per_s, start, self._spec.seed)
        while (now := time.perf_counter()) < self._measure_to and not self._trouble:
            in_flight = self._calls - self._answered + len(self._backlog)
            self._backlog.extend(schedule.due(now, in_flight))
            self._send_backlog()
            if self._is_over():
                self._measure_to = max(self._measure_from, time.perf_counter())
                break
            wait_s = min(_WAIT_S_MAX, schedule.next_at() - now, self._measure_to - now)
            self._exchange(max(0.0, wait_s))

    def _is_over(self) -> bool:
        if self._spec.calls_max and self._calls >= self._spec.calls_max:
            return True
        return all(lane.connection.going_away for lane in self._lanes)

    def _is_stranded(self) -> bool:
        """Nothing more can come."""
        idle = not any(lane.in_flight for lane in self._lanes)
        return bool(self._trouble) or (idle and self._lane_with_room() is None)

    def _wait_for_the_rest(self) -> None:
        """What was due and could not be sent is not sent any more: it counts as unanswered."""
        self._left_over = len(self._backlog) * self._size
        give_up_at = time.perf_counter() + PATIENCE_S
        self._backlog.clear()
        while self._calls > self._answered and time.perf_counter() < give_up_at and not self._is_stranded():
            self._send_backlog()
            self._exchange(_WAIT_S_MAX)

    def _send_backlog(self) -> None:
        while (self._again or self._backlog) and (lane := self._lane_with_room()):
            if self._again:
                self._send(lane, self._again.popleft())
            elif self._spec.calls_max and self._calls >= self._spec.calls_max:
                self._backlog.clear()
            else:
                self._send(lane, (self._next_number, self._backlog.popleft()))
                self._next_number += self._size
                self._calls += 1

    def _lane_with_room(self) -> _Lane | None:
        for _ in self._lanes:
            lane = next(self._turns)
            if lane.connection.has_room or (lane.long_stream and not lane.connection.going_away):
                return lane
        return None

    def _send(self, lane: _Lane, call: _Call) -> None:
        number, _ = call
        turn = (number - self._spec.first_number) // self._size
        message = self._spec.templates[turn % len(self._spec.templates)].numbered(number)
        if lane.long_stream:
            lane.unsent.append(message)
            lane.in_flight[number] = call
            if len(lane.unsent) == STREAM_MESSAGE_MAX:
                lane.send_together()
        else:
            lane.in_flight[lane.connection.open_stream(self._block, message)] = call

    def _exchange(self, wait_s: float) -> None:
        writers = []
        for lane in self._lanes:
            lane.send_together()
            lane.connection.flush()
            if lane.connection.wants_to_write:
                writers.append(lane)
        readable, _, _ = select.select(self._lanes, writers, [], wait_s)
        for lane in readable:
            self._receive(lane)

    # Receiving

    def _receive(self, lane: _Lane) -> None:
        answers = lane.connection.receive()
        now = time.perf_counter()
        for stream, message, status in answers:
            if lane.long_stream:
                self._take_streamed(lane, message, status, now)
            elif message is not None:
                self._note_batch(lane.in_flight[stream][0], message)
            elif status is not None:
                self._take_end(lane, stream, status, now)

    def _take_end(self, lane: _Lane, stream: int, status: int, now: float) -> None:
        number, due = lane.in_flight.pop(stream)
        if status == NOT_TAKEN:
            self._again.append((number, due))
            return
        if self._spec.form in {"unary", "command"} or status != OK:
            self._note(number, self._size, status)
        self._count(due, now)

    def _take_streamed(self, lane: _Lane, message: bytes | None, status: int | None, now: float) -> None:
        if message is None:
            self._trouble = STREAM_FAILED.format(status)
            return
        for outcome in pb.ReserveStreamResponse.FromString(message).outcomes:
            number, due = lane.in_flight.pop(int(outcome.request_id[-DIGITS:]))
            self._note(number, 1, _status(outcome))
            self._count(due, now)

    def _note_batch(self, first: int, message: bytes) -> None:
        """A batch's outcomes come in the order of its reservations."""
        for number, outcome in enumerate(pb.BatchReserveResponse.FromString(message).outcomes, first):
            self._note(number, 1, _status(outcome))

    def _note(self, number: int, count: int, status: int) -> None:
        start = number - self._spec.first_number
        if start + count > len(self._outcomes):
            self._outcomes.extend(bytes(max(65_536, start + count - len(self._outcomes))))
        for at in range(start, start + count):
            self._outcomes[at] = 1 + status

    def _count(self, due: float, now: float) -> None:
        self._answered += 1
        if self._measure_from <= now < self._measure_to:
            self._measured += 1
        if due >= self._measure_from:
            self._latencies.append(now - due)

    def _report(self, cpu_s: float) -> LoadReport:
        sent = self._next_number - self._spec.first_number
        outcomes = self._outcomes[:sent].ljust(sent, b"\0")
        if self._spec.outcomes_file:
            with open(self._spec.outcomes_file, "wb") as file:  # noqa: PTH123 - one path, one write
                file.write(outcomes)
        counts = Counter(outcomes)
        unanswered = counts.pop(0, 0) + self._left_over
        answered_bytes = sum(lane.connection.message_bytes for lane in self._lanes)
        return LoadReport(
            rate_per_s=self._measured * self._size / max(1e-9, self._measure_to - self._measure_from),
            latency=Latency.of(self._latencies),
            statuses={str(code - 1): count for code, count in sorted(counts.items())},
            sent=sent,
            unanswered=unanswered,
            cpu_us=cpu_s / max(1, sent) * 1e6,
            answer_bytes=answered_bytes / max(1, self._answered),
            trouble=self._trouble,
        )


def _status(outcome: pb.ReserveOutcome) -> int:
    return FAILED_PRECONDITION if outcome.HasField("refusal") else OK
