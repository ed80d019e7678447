"""A histogram for what every call pays: a bisection and two additions, where the ready-made one takes five locks.

Only the event loop's thread writes. The thread that is scraped may read a call that is half counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector

from lumbung_kit.metrics import SECONDS, collect


class Tally:
    """The times of one combination of labels."""

    __slots__ = ("_bounds", "counts", "total_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total_s += seconds


class Tallies(Collector):
    """A histogram in seconds, by labels; Prometheus sees it like any other."""

    def __init__(self, name: str, doc: str, labels: Sequence[str], bounds: Sequence[float] = SECONDS) -> None:
        self._name = name
        self._doc = doc
        self._labels = labels
        self._bounds = bounds
        self._tallies: dict[tuple[str, ...], Tally] = {}
        collect(self, name, "histogram", labels)

    def labels(self, *values: str) -> Tally:
        """Made once per combination; keep it."""
        return self._tallies.setdefault(values, Tally(self._bounds))

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What a scrape reads."""
        family = HistogramMetricFamily(self._name, self._doc, labels=self._labels)
        uppers = [*map(str, self._bounds), "+Inf"]
        for values, tally in tuple(self._tallies.items()):
            buckets = list(zip(uppers, accumulate(tally.counts), strict=True))
            family.add_metric(values, buckets, sum_value=tally.total_s)
        return [family]
