"""Pickup schedules and teams in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from lumbung_fulfillment.domain.cutoffs import Team
from lumbung_fulfillment.domain.failures import EtagMismatch
from lumbung_fulfillment.domain.holidays import DayOff
from lumbung_fulfillment.domain.pickups import Schedule, WeeklyPickup
from lumbung_fulfillment.stores.query import Row, execute, fetch, fetch_one
from lumbung_kit import context, sql
from lumbung_kit.postgres import Conn

_SQL = sql.load(__package__, "couriers.sql")
_GET_SCHEDULE, _SCHEDULES_OF, _PAGE = _SQL["get_schedule"], _SQL["schedules_of"], _SQL["page"]
_TAKE_TURN, _LOCK_SCHEDULES, _DROP_DEFAULT = (
    _SQL[name] for name in ("take_turn", "lock_schedules", "drop_default")
)
_PUT_SCHEDULE = _SQL["put_schedule"]
_GET_TEAM, _TEAMS_OF, _LOCK_TEAM, _PUT_TEAM = (
    _SQL[name] for name in ("get_team", "teams_of", "lock_team", "put_team")
)

_RESTS = {DayOff.PUBLIC: "rests_on_holidays", DayOff.JOINT_LEAVE: "rests_on_joint_leave"}


@dataclass(frozen=True, slots=True)
class CourierSchedule:
    """A courier service's schedule at a warehouse. `etag` is empty for one that is to be stored."""

    warehouse_code: str
    courier_service: str
    schedule: Schedule
    is_default: bool
    etag: str = ""


@dataclass(frozen=True, slots=True)
class WarehouseTeam:
    """A warehouse's team. `etag` is empty for the defaults, and for one that is to be stored."""

    warehouse_code: str
    team: Team
    etag: str = ""


class Timetable:
    """Every schedule and team of some warehouses, to look up which pickup an order is for."""

    def __init__(self, schedules: Iterable[CourierSchedule], teams: Iterable[WarehouseTeam]) -> None:
        self._schedules = {(each.warehouse_code, each.courier_service): each for each in schedules}
        self._defaults = {each.warehouse_code: each for each in self._schedules.values() if each.is_default}
        self._teams = {each.warehouse_code: each.team for each in teams}

    def courier(self, warehouse_code: str, courier_service: str) -> CourierSchedule | None:
        """The schedule of a courier service; the warehouse's default when it is empty."""
        if not courier_service:
            return self._defaults.get(warehouse_code)
        return self._schedules.get((warehouse_code, courier_service))

    def schedule(self, warehouse_code: str, courier_service: str) -> Schedule | None:
        """When that courier comes."""
        found = self.courier(warehouse_code, courier_service)
        return found.schedule if found else None

    def ready_time(
        self, warehouse_code: str, courier_service: str, pickup_time: datetime | None
    ) -> datetime | None:
        """When a parcel for this pickup must stand ready; None without a pickup or a schedule."""
        schedule = self.schedule(warehouse_code, courier_service)
        return schedule.ready_time(pickup_time) if schedule and pickup_time else None

    def has_team(self, warehouse_code: str) -> bool:
        """Whether somebody said how many work there and how fast."""
        return warehouse_code in self._teams

    def team(self, warehouse_code: str) -> Team:
        """The team, or a usual one."""
        return self._teams.get(warehouse_code, Team())


def _schedule(row: Row) -> CourierSchedule:
    schedule = Schedule(
        row["time_zone"],
        tuple(WeeklyPickup(*pickup) for pickup in row["pickups"]),
        frozenset(row["closed_dates"]),
        row["ready_before"],
        frozenset(kind for kind, column in _RESTS.items() if row[column]),
    )
    return CourierSchedule(
        row["warehouse_code"], row["courier_service"], schedule, row["is_default"], str(row["version"])
    )


def _team(row: Row) -> WarehouseTeam:
    team = Team(
        row["picker_count"],
        row["packer_count"],
        row["per_line"],
        row["per_cart"],
        row["per_pack"],
        row["walk_speed_mps"],
    )
    return WarehouseTeam(row["warehouse_code"], team, str(row["version"]))


async def get_schedule(conn: Conn, warehouse_code: str, courier_service: str) -> CourierSchedule | None:
    """One schedule, or none."""
    parameters = {"warehouse_code": warehouse_code, "courier_service": courier_service}
    row = await fetch_one(conn, _GET_SCHEDULE, parameters)
    return _schedule(row) if row else None


async def page(conn: Conn, warehouse_code: str, after: str, limit: int) -> list[CourierSchedule]:
    """A warehouse's schedules by courier service, after one of them."""
    parameters = {"warehouse_code": warehouse_code, "after": after, "limit": limit}
    return [_schedule(row) for row in await fetch(conn, _PAGE, parameters)]


async def timetable(conn: Conn, warehouse_codes: Sequence[str]) -> Timetable:
    """Everything about some warehouses."""
    parameters = {"warehouse_codes": sorted(set(warehouse_codes))}
    schedules = [_schedule(row) for row in await fetch(conn, _SCHEDULES_OF, parameters)]
    teams = [_team(row) for row in await fetch(conn, _TEAMS_OF, parameters)]
    return Timetable(schedules, teams)


async def put_schedule(conn: Conn, wanted: CourierSchedule) -> CourierSchedule:
    """Stores a schedule whole. Raises EtagMismatch when it has changed since its etag was read."""
    keys = {"warehouse_code": wanted.warehouse_code, "courier_service": wanted.courier_service}
    await execute(conn, _TAKE_TURN, keys)
    versions = {
        row["courier_service"]: str(row["version"]) for row in await fetch(conn, _LOCK_SCHEDULES, keys)
    }
    _require_etag(wanted.etag, versions.get(wanted.courier_service))
    if wanted.is_default:
        await execute(conn, _DROP_DEFAULT, keys)
    schedule = wanted.schedule
    row = keys | {
        "time_zone": schedule.time_zone,
        "pickups": Jsonb([[each.weekday, each.hour, each.minute] for each in sorted(schedule.pickups)]),
        "closed_dates": sorted(schedule.closed_dates),
        "ready_before": schedule.ready_before,
        "is_default": wanted.is_default,
        **{column: kind in schedule.rests_on for kind, column in _RESTS.items()},
        "actor": context.actor(),
    }
    (stored,) = await fetch(conn, _PUT_SCHEDULE, row)
    return _schedule(stored)


async def get_team(conn: Conn, warehouse_code: str) -> WarehouseTeam:
    """The team, or a usual one."""
    row = await fetch_one(conn, _GET_TEAM, {"warehouse_code": warehouse_code})
    return _team(row) if row else WarehouseTeam(warehouse_code, Team())


async def put_team(conn: Conn, wanted: WarehouseTeam) -> WarehouseTeam:
    """Stores a team whole. Raises EtagMismatch when it has changed since its etag was read."""
    before = await fetch_one(conn, _LOCK_TEAM, {"warehouse_code": wanted.warehouse_code})
    _require_etag(wanted.etag, str(before["version"]) if before else None)
    team = wanted.team
    row = {
        "warehouse_code": wanted.warehouse_code,
        "picker_count": team.picker_count,
        "packer_count": team.packer_count,
        "per_line": team.per_line,
        "per_cart": team.per_cart,
        "per_pack": team.per_pack,
        "walk_speed_mps": team.walk_speed_mps,
        "actor": context.actor(),
    }
    (stored,) = await fetch(conn, _PUT_TEAM, row)
    return _team(stored)


def _require_etag(wanted: str, stored: str | None) -> None:
    if wanted and wanted != stored:
        raise EtagMismatch(metadata={"etag": stored or ""})
