"""When the courier comes: weekly pickups by the clock on the warehouse's wall, as instants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from lumbung_fulfillment.domain.holidays import DayOff, Holiday, holiday_on

_DAYS_AHEAD_MAX = 60


@dataclass(frozen=True, slots=True, order=True)
class WeeklyPickup:
    """The courier comes on this day (Monday is 1, Sunday 7) at this hour and minute."""

    weekday: int
    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One courier service's pickups at one warehouse."""

    time_zone: str
    pickups: tuple[WeeklyPickup, ...]
    closed_dates: frozenset[date] = frozenset()
    ready_before: timedelta = timedelta(0)
    rests_on: frozenset[DayOff] = frozenset()

    def days_off(self, start: datetime, end: datetime) -> list[Holiday]:
        """Days up to `end` on which the courier would come, were they not holidays; as instants from `start`."""
        zone = ZoneInfo(self.time_zone)
        first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        weekdays = {pickup.weekday for pickup in self.pickups}
        found = []
        for ahead in range(min((last - first).days, _DAYS_AHEAD_MAX) + 1):
            day = first + timedelta(days=ahead)
            holiday = holiday_on(day, self.rests_on)
            if holiday and day.isoweekday() in weekdays and day not in self.closed_dates:
                found.append(holiday)
        return found

    def after(self, instant: datetime, count: int) -> list[datetime]:
        """The first pickups whose parcels need not stand ready before `instant`, in order; UTC."""
        return list(
            islice((time for time in self._all_from(instant) if time - self.ready_before >= instant), count)
        )

    def ready_time(self, pickup_time: datetime) -> datetime:
        """When parcels must stand ready for a pickup."""
        return pickup_time - self.ready_before

    def _all_from(self, instant: datetime) -> Iterator[datetime]:
        zone = ZoneInfo(self.time_zone)
        today = instant.astimezone(zone).date()
        for ahead in range(_DAYS_AHEAD_MAX):
            day = today + timedelta(days=ahead)
            if day not in self.closed_dates and holiday_on(day, self.rests_on) is None:
                yield from self._on(day, zone)

    def _on(self, day: date, zone: ZoneInfo) -> Sequence[datetime]:
        local = [
            datetime(day.year, day.month, day.day, pickup.hour, pickup.minute, tzinfo=zone)
            for pickup in self.pickups
            if pickup.weekday == day.isoweekday()
        ]
        return sorted(time.astimezone(UTC) for time in local)


def same_day(first: datetime, second: datetime, time_zone: str) -> bool:
    """Whether two instants fall on one day by the clock on the warehouse's wall."""
    zone = ZoneInfo(time_zone)
    return first.astimezone(zone).date() == second.astimezone(zone).date()
