"""Public holidays of Indonesia and the joint leave beside them, named in English and Bahasa Indonesia.

From the library `holidays`, which follows the decrees of the ministries; days of years that are not decreed yet are
reckoned from the moon, and their names say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache

import holidays

_COUNTRY = "ID"
_ENGLISH, _INDONESIAN = "en_US", "id"


class DayOff(Enum):
    """Why a day is off: `hari libur nasional`, or `cuti bersama`."""

    PUBLIC = "public"
    JOINT_LEAVE = "joint_leave"


_CATEGORIES = {DayOff.PUBLIC: "public", DayOff.JOINT_LEAVE: "government"}


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day off, and its name in both languages."""

    day: date
    kind: DayOff
    name_en: str
    name_id: str


def holiday_on(day: date, kinds: frozenset[DayOff]) -> Holiday | None:
    """The day's holiday among these kinds; the public one where a day is both."""
    for kind in DayOff:
        found = _of_year(day.year, kind).get(day) if kind in kinds else None
        if found is not None:
            return found
    return None


@cache
def _of_year(year: int, kind: DayOff) -> dict[date, Holiday]:
    english, indonesian = (
        holidays.country_holidays(
            _COUNTRY, years=year, language=language, categories=(_CATEGORIES[kind],), expand=False
        )
        for language in (_ENGLISH, _INDONESIAN)
    )
    return {day: Holiday(day, kind, english[day], indonesian[day]) for day in english}
