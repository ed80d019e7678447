"""What to send, and what came of it, as JSON between processes."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lumbung_bench.load.messages import Template

Form = Literal["unary", "batch", "stream", "command"]
"""One reservation a call; many a call; many in flight on a long-lived stream; a command to Valkey."""


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """One load on one server."""

    target: str
    """host:port, or Valkey's URL."""
    path: str
    templates: Sequence[Template]
    """Sent in turn; all ask for equally many reservations."""
    form: Form = "unary"
    in_flight: int = 64
    """Calls in flight; ignored when `rate_per_s` is given."""
    rate_per_s: float = 0.0
    """Calls that arrive each second; 0: as many as `in_flight` allows."""
    connections: int = 4
    warm_up_s: float = 1.0
    measure_s: float = 5.0
    calls_max: int = 0
    """Ends the load early when so many calls were sent; 0: no limit."""
    first_number: int = 0
    outcomes_file: str = ""
    """Gets one byte a reservation, from `first_number` on: 0 never answered, else 1 + gRPC status."""
    deadline_s: int = 20
    seed: int = 1

    def to_json(self) -> str:
        """For another process."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({**values, "templates": [template.to_json() for template in self.templates]})

    @classmethod
    def from_json(cls, text: str) -> LoadSpec:
        """What `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        templates = [Template.from_json(template) for template in values.pop("templates")]
        return cls(templates=templates, **values)


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the moment at which calls were due to their answers."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: array[float]) -> Latency:
        """Nearest-rank percentiles."""
        ordered = sorted(seconds)

        def rank(share: float) -> float:
            return ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1e3 if ordered else math.nan

        return cls(rank(0.50), rank(0.90), rank(0.99), rank(0.999), rank(1.0))


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came of a load. Rates and latencies are of the measured time, counts of all of it."""

    rate_per_s: float
    """Reservations answered each second."""
    latency: Latency
    statuses: dict[str, int]
    """gRPC status -> reservations."""
    sent: int
    """Reservations; `first_number` of the next load is this one's plus that many."""
    unanswered: int
    """Reservations without an answer when patience ended."""
    cpu_us: float
    """What the generator took for one reservation."""
    answer_bytes: float
    """Mean size of an answer's message with its prefix."""
    trouble: str = field(default="")
    """Why the load ended early; empty when it did not."""

    def to_json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LoadReport:
        """What `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        return cls(latency=Latency(**values.pop("latency")), **values)
