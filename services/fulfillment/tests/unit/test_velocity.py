"""Classes by pick lines: shares, ties, and SKUs that are new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.velocity import (
    SHARE_A,
    SHARE_B,
    PickHistory,
    Velocities,
    VelocityClass,
    classes,
    velocities,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD = NOW - timedelta(weeks=200)
ORDER = list(VelocityClass)
PACES = st.dictionaries(
    st.text("ABCDEF", min_size=1, max_size=4), st.integers(1, 500).map(float), min_size=1, max_size=60
)


def history(sku_code: str, lines: int, first_time: datetime = OLD, units: int = 0) -> PickHistory:
    return PickHistory(sku_code, lines, units or lines, first_time)


@given(PACES)
def test_more_picks_are_never_a_worse_class_and_equals_are_together(paces: dict[str, float]) -> None:
    found = classes(paces)
    assert found.keys() == paces.keys()
    for one, pace in paces.items():
        for other, other_pace in paces.items():
            if pace >= other_pace:
                assert ORDER.index(found[one]) <= ORDER.index(found[other])


@given(PACES)
def test_shares_are_kept_but_for_the_last_equals_of_a_class(paces: dict[str, float]) -> None:
    """A holds its share of all lines, and would not without the SKUs that are slowest in it. The same for A with B."""
    found, total = classes(paces), sum(paces.values())
    for share, inside in ((SHARE_A, ORDER[:1]), (SHARE_B, ORDER[:2])):
        members = {sku: pace for sku, pace in paces.items() if found[sku] in inside}
        slowest = min(members.values())
        assert sum(members.values()) / total >= share - 1e-9
        assert sum(pace for pace in members.values() if pace > slowest) / total < share + 1e-9


def test_the_usual_curve() -> None:
    paces = {"FAST": 80.0, "MEDIUM": 15.0, **{f"SLOW-{n}": 1.0 for n in range(5)}}
    found = classes(paces)
    assert (found["FAST"], found["MEDIUM"]) == (VelocityClass.A, VelocityClass.B)
    assert {found[f"SLOW-{n}"] for n in range(5)} == {VelocityClass.C}


def test_no_picks_make_no_classes() -> None:
    assert classes({}) == {}
    found = velocities([history("X", 0)], NOW, 8)
    assert found.by_sku == {}
    assert found.of("X").velocity_class is VelocityClass.C


def test_a_new_sku_is_judged_by_the_time_since_its_first_pick() -> None:
    """Thirty lines in three weeks are more than sixty in eight."""
    young = history("NEW", 30, NOW - timedelta(weeks=3), 60)
    found = velocities([history("OLD", 60), young], NOW, 8)
    assert found.of("NEW").lines_per_week == 10
    assert found.of("NEW").units_per_day == 60 / 21
    assert found.of("OLD").lines_per_week == 7.5


def test_one_lucky_day_does_not_make_a_fast_mover() -> None:
    found = velocities([history("LUCKY", 10, NOW - timedelta(hours=3))], NOW, 8)
    assert found.of("LUCKY").lines_per_week == 5


def test_a_sku_that_was_never_picked_is_slow_unless_it_was_announced_as_fast() -> None:
    found = velocities([history("X", 3)], NOW, 8, known_fast=["HIT", "X"])
    assert found.of("HIT").velocity_class is VelocityClass.A
    assert found.of("SHELF-WARMER").velocity_class is VelocityClass.C
    assert (found.of("X").velocity_class, found.count(VelocityClass.A)) == (VelocityClass.A, 1)


def test_what_was_announced_gives_way_to_what_is_known() -> None:
    histories = [history("HIT", 1), history("A", 900), history("B", 99)]
    found: Velocities = velocities(histories, NOW, 8, known_fast=["HIT"])
    assert found.of("HIT").velocity_class is VelocityClass.C
