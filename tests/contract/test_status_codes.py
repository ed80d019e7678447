"""docs/status-codes.md lists every failure that a caller can meet, and nothing else."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from lumbung_kit.failures import Failure, all_failures

DOCUMENT = Path(__file__).parents[2] / "docs" / "status-codes.md"
ROW = re.compile(r"^\| ([A-Z_]+) \| ([A-Z0-9_]+) \|", re.MULTILINE)


def import_domains() -> None:
    """Loads every module of every service's domain, where failures are declared."""
    for package in pkgutil.iter_modules():
        if not package.name.startswith("lumbung_") or package.name == "lumbung_kit":
            continue
        try:
            domain = importlib.import_module(f"{package.name}.domain")
        except ModuleNotFoundError as error:
            if error.name != f"{package.name}.domain":
                raise
            continue
        for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
            importlib.import_module(module.name)


def our_failures() -> list[type[Failure]]:
    """Those of the kit and the services; not those that tests declare."""
    import_domains()
    return [failure for failure in all_failures() if failure.__module__.startswith("lumbung_")]


@pytest.fixture(scope="module")
def documented() -> list[tuple[str, str]]:
    return ROW.findall(DOCUMENT.read_text())


def test_every_failure_has_a_row(documented: list[tuple[str, str]]) -> None:
    missing = [
        f"| {failure.kind.name} | {failure.reason} | {failure().message} | (what to do) |  in {failure.__module__}"
        for failure in our_failures()
        if (failure.kind.name, failure.reason) not in documented
    ]
    assert not missing, "rows to add to docs/status-codes.md:\n" + "\n".join(missing)


def test_every_row_is_a_failure_and_stands_once(documented: list[tuple[str, str]]) -> None:
    known = {(failure.kind.name, failure.reason) for failure in our_failures()}
    assert not set(documented) - known, "rows of failures that no longer exist"
    assert len(documented) == len(set(documented)), "rows that stand twice"


def test_a_reason_has_one_code_wherever_it_is_used() -> None:
    codes: dict[str, set[str]] = {}
    for failure in our_failures():
        codes.setdefault(failure.reason, set()).add(failure.kind.name)
    assert not {reason: kinds for reason, kinds in codes.items() if len(kinds) > 1}
