"""Percentiles by nearest rank."""

from __future__ import annotations

from lumbung_dev.demo.figures import percentile


def test_percentiles_by_nearest_rank() -> None:
    ordered = [float(number) for number in range(1, 101)]
    assert [percentile(ordered, percent) for percent in (1, 50, 95, 100)] == [1.0, 50.0, 95.0, 100.0]
    assert [percentile([0.3], percent) for percent in (50, 95)] == [0.3, 0.3]
    assert percentile([], 95) == 0.0
