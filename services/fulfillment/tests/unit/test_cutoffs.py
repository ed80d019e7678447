"""Pickups by the clock on the wall, and which of them can be made."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumbung_fulfillment.domain.cutoffs import (
    Advice,
    OpenOrder,
    Stage,
    Team,
    at_risk,
    backlog_work,
    own_work,
    promise,
)
from lumbung_fulfillment.domain.pickups import Schedule, WeeklyPickup, same_day

# Monday 2026-11-23, 10:00 in Jakarta (UTC+7).
MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WORKDAYS = tuple(WeeklyPickup(day, 16, 30) for day in range(1, 6))
JAKARTA = Schedule("Asia/Jakarta", WORKDAYS, ready_before=timedelta(minutes=30))


@pytest.mark.parametrize(
    ("zone", "hour_utc"), [("Asia/Jakarta", 9), ("Asia/Makassar", 8), ("Asia/Jayapura", 7), ("UTC", 16)]
)
def test_a_pickup_is_by_the_clock_on_the_wall(zone: str, hour_utc: int) -> None:
    first = Schedule(zone, WORKDAYS).after(MONDAY, 1)
    assert first == [datetime(2026, 11, 23, hour_utc, 30, tzinfo=UTC)]


def test_a_pickup_is_missed_when_parcels_cannot_stand_ready() -> None:
    ready_just_in_time = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert JAKARTA.after(ready_just_in_time, 1) == [datetime(2026, 11, 23, 9, 30, tzinfo=UTC)]
    assert JAKARTA.after(ready_just_in_time + timedelta(seconds=1), 1) == [
        datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    ]


def test_weekends_and_closed_dates_are_skipped() -> None:
    friday_evening = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    closed = Schedule("Asia/Jakarta", WORKDAYS, closed_dates=frozenset({date(2026, 11, 30)}))
    assert closed.after(friday_evening, 1) == [datetime(2026, 12, 1, 9, 30, tzinfo=UTC)]


def test_a_schedule_without_pickups_has_none() -> None:
    assert Schedule("Asia/Jakarta", ()).after(MONDAY, 3) == []


@given(
    st.lists(st.tuples(st.integers(1, 7), st.integers(0, 23), st.integers(0, 59)), min_size=1, max_size=6),
    st.integers(0, 14 * 24 * 60),
    st.sampled_from(["Asia/Jakarta", "Asia/Jayapura", "Europe/Berlin", "America/St_Johns"]),
)
def test_pickups_ascend_and_are_all_after(
    pickups: list[tuple[int, int, int]], minutes: int, zone: str
) -> None:
    schedule = Schedule(zone, tuple(WeeklyPickup(*pickup) for pickup in pickups))
    start = MONDAY + timedelta(minutes=minutes)
    times = schedule.after(start, 8)
    assert times == sorted(times)
    assert all(time >= start for time in times)
    assert len(times) == 8


def test_same_day_is_by_the_clock_on_the_wall() -> None:
    before_midnight = datetime(2026, 11, 23, 16, 59, tzinfo=UTC)
    after_midnight = datetime(2026, 11, 23, 17, 1, tzinfo=UTC)
    assert same_day(before_midnight, after_midnight, "UTC")
    assert not same_day(before_midnight, after_midnight, "Asia/Jakarta")


def waiting(number: int, **changes: object) -> OpenOrder:
    fields: dict[str, object] = {
        "stage": Stage.QUEUED,
        "open_lines": 3,
        "ready_time": MONDAY + timedelta(hours=6),
        "pickup_time": MONDAY + timedelta(hours=6, minutes=30),
    }
    return OpenOrder(f"O{number:03}", **(fields | changes))  # type: ignore[arg-type]


def test_the_promise_moves_forward_with_the_backlog() -> None:
    free = promise(JAKARTA, Team(), [], 1, MONDAY)
    busy = promise(JAKARTA, Team(), [waiting(n) for n in range(60)], 1, MONDAY)
    assert free is not None
    assert busy is not None
    assert free.pickup_time == busy.pickup_time == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    assert busy.order_before < free.order_before
    assert free.order_before == datetime(2026, 11, 23, 9, 0, tzinfo=UTC) - own_work(Team(), 1)


def test_too_much_backlog_promises_the_next_pickup() -> None:
    """More than the team can do until 16:00: 400 orders of 3 lines take one packer ten hours."""
    found = promise(JAKARTA, Team(), [waiting(n) for n in range(400)], 1, MONDAY)
    assert found is not None
    assert found.pickup_time == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_no_pickup_no_promise() -> None:
    assert promise(Schedule("Asia/Jakarta", ()), Team(), [], 1, MONDAY) is None


def test_more_people_work_faster() -> None:
    orders = [waiting(n) for n in range(50)]
    assert backlog_work(Team(picker_count=4, packer_count=4), orders) < backlog_work(Team(), orders)
    assert backlog_work(Team(), []) == timedelta(0)


def test_orders_at_risk_are_named_with_what_would_help() -> None:
    soon = MONDAY + timedelta(minutes=10)
    orders = [
        waiting(1, stage=Stage.QUEUED, ready_time=soon),
        waiting(2, stage=Stage.PLANNED, ready_time=soon),
        waiting(3, stage=Stage.PICKING, ready_time=soon),
        waiting(4, stage=Stage.SHORT, ready_time=soon),
        waiting(5, stage=Stage.QUEUED, ready_time=MONDAY + timedelta(minutes=1)),
        waiting(6, stage=Stage.PACKED, ready_time=MONDAY + timedelta(hours=5)),
        waiting(7, stage=Stage.QUEUED, ready_time=None, pickup_time=None),
        waiting(8, stage=Stage.QUEUED, ready_time=MONDAY + timedelta(days=1)),
        waiting(9, stage=Stage.HELD, ready_time=soon),
    ]
    risks = at_risk(Team(), orders, timedelta(minutes=30), MONDAY)
    assert {risk.order.order_id: risk.advice for risk in risks} == {
        "O007": Advice.SET_SCHEDULE,
        "O005": Advice.CHANGE_PICKUP,
        "O001": Advice.PLAN_NOW,
        "O002": Advice.CLAIM_WAVE,
        "O003": Advice.PICK_AND_PACK_FIRST,
        "O004": Advice.FIND_STOCK,
        "O009": Advice.RESUME,
    }
    assert [risk.order.order_id for risk in risks][:2] == ["O007", "O005"]
    slacks = [risk.slack for risk in risks if risk.slack is not None]
    assert slacks == sorted(slacks)
