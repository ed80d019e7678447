"""The process's Prometheus registry. Asking twice for the same name gives the same metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

M = TypeVar("M", bound=MetricWrapperBase)

REGISTRY = CollectorRegistry(auto_describe=True)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

_known: dict[str, MetricWrapperBase] = {}
_collected: dict[str, tuple[str, tuple[str, ...]]] = {}


def counter(name: str, doc: str, labels: Sequence[str] = ()) -> Counter:
    """A figure that only grows. Prometheus shows it as `<name>_total`."""
    return _once(name, Counter, lambda: Counter(name, doc, labels, registry=REGISTRY))


def gauge(name: str, doc: str, labels: Sequence[str] = ()) -> Gauge:
    """A figure that goes up and down."""
    return _once(name, Gauge, lambda: Gauge(name, doc, labels, registry=REGISTRY))


def histogram(
    name: str, doc: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
) -> Histogram:
    """A distribution; the default buckets are for seconds from 1 ms to 10 s."""
    return _once(name, Histogram, lambda: Histogram(name, doc, labels, registry=REGISTRY, buckets=buckets))


def collect(collector: Collector, name: str, kind: str, labels: Sequence[str]) -> None:
    """Shows a metric that counts for itself."""
    REGISTRY.register(collector)
    _collected[name] = (kind, tuple(labels))


def registered() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Type and labels of each metric asked for so far, by the name that Prometheus shows."""
    return _collected | {
        name + ("_total" if metric._type == "counter" else ""): (str(metric._type), tuple(metric._labelnames))
        for name, metric in _known.items()
    }


def _once(name: str, kind: type[M], make: Callable[[], M]) -> M:
    known = _known.get(name)
    if known is None:
        known = _known[name] = make()
    if not isinstance(known, kind):
        raise TypeError(f"metric {name} is a {type(known).__name__}, not a {kind.__name__}")
    return known
