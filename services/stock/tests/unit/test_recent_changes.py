"""What a watcher missed: exactly, or not at all when it is too long ago."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lumbung_stock.domain.recent_changes import RecentChanges

SKUS = ["A", "B", "C", "D", "E"]
LOGS = st.lists(st.sets(st.sampled_from(SKUS)), max_size=30)


@given(LOGS, st.integers(0, 31), st.sets(st.sampled_from(SKUS)), st.integers(1, 6))
def test_either_all_that_changed_or_that_it_is_too_long_ago(
    log: list[set[str]], seen: int, watched: set[str], skus_max: int
) -> None:
    recent = RecentChanges(skus_max=skus_max)
    for position, codes in enumerate(log, start=1):
        recent.note(position, codes)
    missed = {code for codes in log[seen:] for code in codes}
    if (found := recent.since(seen, watched)) is None:
        assert len({code for codes in log for code in codes}) > skus_max
    else:
        assert found == missed & watched


def test_what_was_not_looked_at_is_too_long_ago() -> None:
    recent = RecentChanges(skus_max=10)
    recent.begin_at(7)
    recent.note(9, ["A"])
    assert recent.since(6, ["A", "B"]) is None
    assert recent.since(7, ["A", "B"]) == {"A"}


def test_the_oldest_are_forgotten_and_who_would_need_them_is_told_so() -> None:
    recent = RecentChanges(skus_max=2)
    for position, code in enumerate("ABC", start=1):
        recent.note(position, [code])
    assert recent.since(0, ["B", "C"]) is None
    assert recent.since(1, ["B", "C"]) == {"B", "C"}
