"""`python -m lumbung_bench.load.watch`: thousands of WatchAvailability streams in one thread.

Reads a WatchSpec from the first line of standard input and says `ready` when every stream has its snapshot. A line
`mark` is answered with `marked`; from then on it waits until every stream has heard of a change, and says
`heard <monotonic seconds>`. Ends when standard input does.
"""

from __future__ import annotations

import base64
import json
import os
import select
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from lumbung.stock.v1 import availability_pb2 as pb
from lumbung_bench.load import frames
from lumbung_bench.load.connection import Connection

WATCH = "/lumbung.stock.v1.AvailabilityService/WatchAvailability"


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """Who watches what."""

    target: str
    watchers: int
    connections: int
    message: str
    """A WatchAvailabilityRequest, in base64."""

    def to_json(self) -> str:
        """On one line."""
        return json.dumps(asdict(self))


class Watch:
    """All streams of a WatchSpec."""

    def __init__(self, spec: WatchSpec) -> None:
        self._spec = spec
        self._host, _, port = spec.target.rpartition(":")
        self._connections = [
            Connection(self._host, int(port), keep_messages=True) for _ in range(spec.connections)
        ]
        self._heard: set[tuple[int, int]] = set()
        self._waited_for = "ready"

    def run(self) -> None:
        """Until standard input ends."""
        self._open()
        while True:
            for connection in self._connections:
                connection.flush()
            readable, _, _ = select.select([sys.stdin, *self._connections], [], [], 1.0)
            if sys.stdin in readable and not self._obey():
                return
            for number, connection in enumerate(self._connections):
                if connection in readable:
                    self._take(number, connection)

    def _open(self) -> None:
        request = base64.b64decode(self._spec.message)
        message = b"\0" + len(request).to_bytes(4, "big") + request
        block = frames.header_block(
            [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", WATCH),
                (":authority", self._spec.target),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
                ("lumbung-actor", "storefront:bench"),
            ]
        )
        for number in range(self._spec.watchers):
            self._connections[number % len(self._connections)].open_stream(block, message)

    def _obey(self) -> bool:
        """Standard input is read without a buffer, which `select` would not see into."""
        if not os.read(sys.stdin.fileno(), 4096):
            return False
        self._heard.clear()
        self._waited_for = "heard"
        _say("marked")
        return True

    def _take(self, number: int, connection: Connection) -> None:
        for stream, message, status in connection.receive():
            if status is not None:
                sys.exit(f"a watcher's stream ended with status {status}")
            if message and self._waited_for and _has_figures(message):
                self._heard.add((number, stream))
        if self._waited_for and len(self._heard) == self._spec.watchers:
            _say(f"{self._waited_for} {time.monotonic()}")
            self._waited_for = ""


def _has_figures(message: bytes) -> bool:
    """Heartbeats have none."""
    return bool(pb.WatchAvailabilityResponse.FromString(message).availabilities)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def first_line() -> str:
    """Read byte by byte, so that what follows stays where `select` sees it."""

    def characters() -> Iterator[bytes]:
        while (character := os.read(sys.stdin.fileno(), 1)) not in (b"\n", b""):
            yield character

    return b"".join(characters()).decode()


if __name__ == "__main__":
    Watch(WatchSpec(**json.loads(first_line()))).run()
