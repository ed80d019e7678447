"""What a run found, kept as JSON, and the arithmetic of comparing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Figure = Annotated[float, PlainSerializer(lambda value: float(f"{value:.4g}"), when_used="json")]
"""Kept to four digits: the machine has not more to say."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sample(_Kept):
    """What one measurement found."""

    rate_per_s: Figure
    p50_ms: Figure
    p99_ms: Figure
    held: int
    """Reservations answered with a hold, warm-up included."""
    refused: int
    """Answered with FAILED_PRECONDITION."""
    failed: int
    """Answered otherwise, or not at all."""
    server_cpu_us: Figure
    """CPU time of the server's own process for one reservation."""
    postgres_cpu_us: Figure
    valkey_cpu_us: Figure
    """Of all their processes, what others did there meanwhile included."""
    generator_cpu_us: Figure
    answer_bytes: Figure

    @property
    def cores(self) -> tuple[float, float, float, float]:
        """How many cores were busy with it: the server's process, Postgres, Valkey, the generator."""
        share = self.rate_per_s / 1e6
        return (
            share * self.server_cpu_us,
            share * self.postgres_cpu_us,
            share * self.valkey_cpu_us,
            share * self.generator_cpu_us,
        )


class Promised(_Kept):
    """What a server acknowledged, against what there was and what the database has. Both differences should be 0."""

    acknowledged: int
    minus_rows: int
    """Acknowledged, and no row."""
    minus_stock: int
    """Units acknowledged beyond what there was, over all SKUs."""


class Taken(_Kept):
    """When and how a case was measured."""

    time: str
    commit: str
    rounds: int
    measure_s: float
    load_average: Figure
    """Of the machine in the minute before: what others did there."""


class CaseResult(_Kept):
    """One case. The first of `samples` is what the others are compared with."""

    title: str
    taken: Taken
    samples: dict[str, list[Sample]] = Field(default_factory=dict)
    promised: dict[str, Promised] = Field(default_factory=dict)
    figures: dict[str, list[Figure]] = Field(default_factory=dict)
    """Named results of cases that do not compare servers, one for each round."""
    note: str = ""
    text: str = ""
    """A report of its own, in Markdown."""
    skipped: str = ""
    """Why it could not be measured; empty when it was."""

    @property
    def baseline(self) -> str:
        """Whom the others are compared with."""
        return next(iter(self.samples))

    def rate_ratio(self, name: str, to: str = "") -> Spread:
        """How many times as fast as the baseline."""
        pairs = zip(self.samples[name], self.samples[to or self.baseline], strict=True)
        return Spread.of([ours.rate_per_s / theirs.rate_per_s for ours, theirs in pairs])

    def p99_ratio(self, name: str, to: str = "") -> Spread:
        """How many times as long as the baseline's p99."""
        pairs = zip(self.samples[name], self.samples[to or self.baseline], strict=True)
        return Spread.of([ours.p99_ms / theirs.p99_ms for ours, theirs in pairs])


class Spread(_Kept):
    """Ratios of rounds. A ratio is taken within a round, since the machine's pace drifts between rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median=median(values), low=min(values), high=max(values))


class Results(_Kept):
    """Everything known."""

    machine: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    cases: dict[str, CaseResult] = Field(default_factory=dict)

    @classmethod
    def load(cls, file: Path) -> Results:
        """What `save` wrote; nothing when it never did."""
        return cls.model_validate_json(file.read_text()) if file.exists() else cls()

    def save(self, file: Path) -> None:
        """As JSON that changes little when little changed."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.model_dump_json(indent=1) + "\n")

    def with_case(
        self, name: str, case: CaseResult, *, machine: dict[str, str], versions: dict[str, str]
    ) -> Results:
        """With one case new or measured again."""
        return Results(machine=machine, versions=versions, cases={**self.cases, name: case})
