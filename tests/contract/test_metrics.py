"""docs/metrics.md lists every metric that a service shows, with its type and labels, and nothing else."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
LOAD_ALL = """
import importlib, json, pkgutil
from lumbung_kit.metrics import registered

for name in ("lumbung_kit", "lumbung_catalog", "lumbung_stock", "lumbung_fulfillment", "lumbung_channel_sync"):
    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
print(json.dumps(registered()))
"""

Described = dict[str, tuple[str, tuple[str, ...]]]


@pytest.fixture(scope="module")
def shown() -> Described:
    """Metrics are asked for when their module is loaded; in a process of its own, since tests ask for others."""
    loaded = subprocess.run([sys.executable, "-c", LOAD_ALL], capture_output=True, text=True, check=True)
    found = json.loads(loaded.stdout.splitlines()[-1])
    return {name: (kind, tuple(labels)) for name, (kind, labels) in found.items()}


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
