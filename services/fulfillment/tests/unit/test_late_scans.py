"""What a late scan comes to: its units either count or go back, and none is lost or made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.late_scans import (
    CLOCK_SKEW_MAX,
    LATE_MAX,
    Claim,
    judge_late,
    require_plausible,
    was_dropped_since,
    was_working,
)
from lumbung_fulfillment.domain.picking import PickState, PickTask
from lumbung_kit.failures import BadInput

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


@given(
    st.integers(1, 50).flatmap(lambda q: st.tuples(st.just(q), st.integers(0, q))),
    st.sampled_from(PickState),
    st.integers(1, 100),
)
def test_every_unit_counts_or_is_stray(sizes: tuple[int, int], state: PickState, units: int) -> None:
    quantity, picked = sizes
    task = PickTask("A", "RICE", quantity, picked, state)
    judged = judge_late(task, "A", "RICE", units)
    assert judged.counted + judged.stray == units
    assert judged.pick.picked_quantity == picked + judged.counted
    if state is not PickState.OPEN:
        assert (judged.counted, judged.pick) == (0, task)
    else:
        assert judged.stray == max(0, units - (quantity - picked))


@pytest.mark.parametrize(
    ("scan_time", "worked"),
    [
        (NOON - CLOCK_SKEW_MAX - MOMENT, False),
        (NOON - CLOCK_SKEW_MAX, True),
        (NOON + timedelta(minutes=30), True),
        (NOON + timedelta(hours=1) + CLOCK_SKEW_MAX, True),
        (NOON + timedelta(hours=1) + CLOCK_SKEW_MAX + MOMENT, False),
        (NOON + timedelta(hours=5), True),
    ],
)
def test_who_had_the_wave_when_it_was_scanned(scan_time: datetime, worked: bool) -> None:
    ended = Claim(NOON, NOON + timedelta(hours=1))
    goes_on = Claim(NOON + timedelta(hours=4), None)
    assert was_working([ended, goes_on], scan_time) is worked
    assert not was_working([], scan_time)


@pytest.mark.parametrize(
    ("off", "is_plausible"),
    [
        (-LATE_MAX - MOMENT, False),
        (-LATE_MAX, True),
        (CLOCK_SKEW_MAX, True),
        (CLOCK_SKEW_MAX + MOMENT, False),
    ],
)
def test_which_times_are_believed(off: timedelta, is_plausible: bool) -> None:
    if is_plausible:
        require_plausible(NOON + off, NOON)
        return
    with pytest.raises(BadInput) as refused:
        require_plausible(NOON + off, NOON)
    assert [each.field for each in refused.value.fields] == ["scan_time"]


def test_what_was_dropped_behind_the_pickers_back() -> None:
    cancelled = PickTask("A", "RICE", 2, 0, PickState.CANCELLED)
    assert was_dropped_since(cancelled, NOON, NOON - MOMENT)
    assert not was_dropped_since(cancelled, NOON, NOON + MOMENT), "the picker could have known"
    assert not was_dropped_since(cancelled, NOON, None), "made now"
    assert not was_dropped_since(cancelled, None, NOON), "closed before that was written down"
    picked = PickTask("A", "RICE", 2, 2, PickState.PICKED)
    assert not was_dropped_since(picked, NOON, NOON - MOMENT), "by the same picker"
