"""Our histogram shows what Prometheus' own would show."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from lumbung_kit.metrics import REGISTRY, SECONDS
from lumbung_kit.tallies import Tallies

OURS = Tallies("probe_tally_seconds", "Times", ["kind"])


@given(st.lists(st.floats(0, 20) | st.sampled_from(SECONDS), max_size=50))
def test_it_counts_as_prometheus_does(seconds: list[float]) -> None:
    registry = CollectorRegistry()
    theirs = Histogram("probe_tally_seconds", "Times", ["kind"], registry=registry, buckets=SECONDS)
    OURS._tallies.clear()
    for each in seconds:
        OURS.labels("shelf").observe(each)
        theirs.labels("shelf").observe(each)
    (mine,), (other,) = OURS.collect(), registry.collect()
    samples = {(sample.name, *sample.labels.items()): sample.value for sample in mine.samples}
    assert samples == {
        (sample.name, *sample.labels.items()): sample.value
        for sample in other.samples
        if not sample.name.endswith("_created")
    }


def test_it_is_in_the_registry() -> None:
    OURS.labels("bin").observe(0.3)
    assert REGISTRY.get_sample_value("probe_tally_seconds_bucket", {"kind": "bin", "le": "0.5"}) == 1
