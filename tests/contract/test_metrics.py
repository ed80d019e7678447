"""docs/metrics.md lists every metric that a service shows, with its type and labels, and nothing else."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from lumbung_kit.metrics import registered

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
PACKAGES = ("lumbung_kit", "lumbung_catalog", "lumbung_stock", "lumbung_fulfillment", "lumbung_channel_sync")

Described = dict[str, tuple[str, tuple[str, ...]]]


@pytest.fixture(scope="module")
def shown() -> Described:
    """Metrics are asked for when their module is loaded."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
    return registered()


@pytest.fixture(scope="module")
def documented() -> Described:
    rows = ROW.findall(DOCUMENT.read_text())
    assert len(rows) == len({name for name, _, _ in rows}), "rows that stand twice"
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_every_metric_has_a_row(shown: Described, documented: Described) -> None:
    missing = {name: described for name, described in shown.items() if name not in documented}
    assert not missing, f"rows to add to docs/metrics.md: {missing}"


def test_every_row_is_a_metric_of_that_type_with_those_labels(
    shown: Described, documented: Described
) -> None:
    assert {name: shown.get(name) for name in documented} == documented
