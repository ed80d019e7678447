"""Days on which couriers stay away."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumbung_fulfillment.domain.holidays import DayOff, holiday_on
from lumbung_fulfillment.domain.pickups import Schedule, WeeklyPickup

BOTH = frozenset(DayOff)
PUBLIC = frozenset({DayOff.PUBLIC})
EVERY_DAY = tuple(WeeklyPickup(day, 15, 0) for day in range(1, 8))


@pytest.mark.parametrize(
    ("day", "kind", "name_en", "name_id"),
    [
        (date(2026, 8, 17), DayOff.PUBLIC, "Independence Day", "Hari Kemerdekaan Republik Indonesia"),
        (date(2026, 12, 25), DayOff.PUBLIC, "Christmas Day", "Hari Raya Natal"),
        (date(2026, 12, 24), DayOff.JOINT_LEAVE, "Christmas Joint Holiday", "Cuti Bersama Hari Raya Natal"),
    ],
)
def test_a_day_off_has_a_name_in_both_languages(day: date, kind: DayOff, name_en: str, name_id: str) -> None:
    found = holiday_on(day, BOTH)
    assert found is not None
    assert (found.day, found.kind, found.name_en, found.name_id) == (day, kind, name_en, name_id)
    assert holiday_on(day, BOTH - {kind}) is None
    assert holiday_on(day, frozenset()) is None


def test_what_is_reckoned_from_the_moon_says_that_it_is_an_estimate() -> None:
    found = holiday_on(date(2035, 12, 1), PUBLIC) or next(
        holiday
        for ahead in range(365)
        if (holiday := holiday_on(date(2035, 1, 1) + timedelta(days=ahead), PUBLIC))
        and "Eid" in holiday.name_en
    )
    assert "estimated" in found.name_en
    assert "perkiraan" in found.name_id


def test_a_courier_that_rests_comes_on_the_next_day() -> None:
    before = datetime(2026, 12, 23, 12, tzinfo=UTC)
    works, rests, rests_long = (
        Schedule("Asia/Jakarta", EVERY_DAY, rests_on=kinds) for kinds in (frozenset(), PUBLIC, BOTH)
    )
    assert [time.day for time in works.after(before, 3)] == [24, 25, 26]
    assert [time.day for time in rests.after(before, 3)] == [24, 26, 27]
    assert [time.day for time in rests_long.after(before, 3)] == [26, 27, 28]
    until = before + timedelta(days=5)
    assert [holiday.day.day for holiday in rests_long.days_off(before, until)] == [24, 25]
    assert not works.days_off(before, until)


def test_a_holiday_on_which_nobody_would_come_is_not_named() -> None:
    only_mondays = Schedule("Asia/Jakarta", (WeeklyPickup(1, 9, 0),), rests_on=BOTH)
    start = datetime(2026, 12, 20, tzinfo=UTC)  # the 24th and 25th are a Thursday and a Friday
    assert not only_mondays.days_off(start, start + timedelta(days=10))
    closed = Schedule("Asia/Jakarta", EVERY_DAY, closed_dates=frozenset({date(2026, 12, 25)}), rests_on=BOTH)
    assert [each.day.day for each in closed.days_off(start, start + timedelta(days=10))] == [24]


@settings(deadline=None)  # a year is reckoned when it is asked for first
@given(
    start=st.integers(0, 4 * 365 * 24).map(
        lambda hours: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    ),
    kinds=st.sets(st.sampled_from(DayOff)),
    zone=st.sampled_from(["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]),
)
def test_just_the_days_off_are_left_out(start: datetime, kinds: set[DayOff], zone: str) -> None:
    works = Schedule(zone, EVERY_DAY).after(start, 40)
    rests = Schedule(zone, EVERY_DAY, rests_on=frozenset(kinds)).after(start, 40)

    def is_off(time: datetime) -> bool:
        return holiday_on(time.astimezone(ZoneInfo(zone)).date(), frozenset(kinds)) is not None

    assert [time for time in works if not is_off(time)] == [time for time in rests if time <= works[-1]]
