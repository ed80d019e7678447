"""docs/traps.md shows the guards as they are: each where it is said to be, each with its test."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = {f"P{number}" for number in range(1, 8)}


@pytest.fixture
def guards(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sys.modules.pop("guards", None)
    import guards

    return guards


def test_each_guard_stands_where_it_is_taken_away_and_its_test_is_there(guards) -> None:
    assert list(guards.problems(guards.load())) == []


def test_every_promise_has_a_guard(guards) -> None:
    assert {promise for promise in PROMISES for each in guards.load() if promise in each.promise} == PROMISES


def test_the_document_has_the_same_table(guards) -> None:
    document = guards.DOCUMENT.read_text()
    assert guards.with_table(document, guards.load()) == document, "run tools/guards.py --table"


def test_a_guard_that_has_moved_is_named(guards) -> None:
    moved = guards.Guard(
        "P1",
        "it holds",
        "tests/contract/test_guards.py::no_test",
        (guards.Cut("Makefile", "no such text", ""),),
    )
    assert len(list(guards.problems([moved]))) == 2
