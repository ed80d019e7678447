"""CourierService over gRPC: pickups and teams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc

from lumbung.fulfillment.v1 import couriers_pb2 as pb
from lumbung.fulfillment.v1 import couriers_pb2_grpc as rpc
from lumbung_fulfillment.domain.cutoffs import Team
from lumbung_fulfillment.domain.failures import ScheduleNotFound
from lumbung_fulfillment.domain.holidays import DayOff
from lumbung_fulfillment.domain.pickups import Schedule, WeeklyPickup
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import (
    day_off_message,
    schedule_message,
    team_message,
    timestamp,
)
from lumbung_fulfillment.entrypoints.pages import Pages
from lumbung_fulfillment.stores import couriers
from lumbung_fulfillment.stores.couriers import CourierSchedule, WarehouseTeam
from lumbung_fulfillment.usecases.list_upcoming_pickups import list_upcoming_pickups
from lumbung_fulfillment.usecases.set_pickup_schedule import set_pickup_schedule
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

PICKUPS_MAX, CLOSED_DATES_MAX = 50, 200
COURIER_LENGTH_MAX = 32
READY_BEFORE_S_MAX = 4 * 3_600
UPCOMING_MAX = 100
WITHIN_S_DEFAULT, WITHIN_S_MAX = 86_400, 14 * 86_400
PEOPLE_MAX = 500
SPEED_MIN_MPS, SPEED_MAX_MPS = 0.1, 5.0

Context = grpc.aio.ServicerContext[Any, Any]


class CourierServicer(rpc.CourierServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def SetPickupSchedule(
        self, request: pb.SetPickupScheduleRequest, context: Context
    ) -> pb.SetPickupScheduleResponse:
        """A courier's weekly pickups, whole."""
        check = Check()
        check.request_id(request.request_id)
        wanted = _schedule(check, request.schedule)
        check.done()

        async def work(conn: Conn) -> pb.SetPickupScheduleResponse:
            stored = await set_pickup_schedule(conn, wanted)
            return pb.SetPickupScheduleResponse(schedule=schedule_message(stored))

        return await self._desk.once("SetPickupSchedule", request, pb.SetPickupScheduleResponse, work)

    async def GetPickupSchedule(
        self, request: pb.GetPickupScheduleRequest, context: Context
    ) -> pb.GetPickupScheduleResponse:
        """One schedule."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        courier = check.code("courier_service", request.courier_service, max_length=COURIER_LENGTH_MAX)
        check.done()
        async with self._desk.reading() as conn:
            found = await couriers.get_schedule(conn, warehouse_code, courier)
        if found is None:
            raise ScheduleNotFound(metadata={"warehouse_code": warehouse_code, "courier_service": courier})
        return pb.GetPickupScheduleResponse(schedule=schedule_message(found))

    async def ListPickupSchedules(
        self, request: pb.ListPickupSchedulesRequest, context: Context
    ) -> pb.ListPickupSchedulesResponse:
        """A page of a warehouse's schedules."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        pages = Pages(check, request.page_size, request.page_token, ["schedules", warehouse_code])
        check.done()
        async with self._desk.reading() as conn:
            found = await couriers.page(conn, warehouse_code, pages.text(), pages.limit)
        page, token = pages.cut(found, lambda each: [each.courier_service])
        return pb.ListPickupSchedulesResponse(schedules=map(schedule_message, page), next_page_token=token)

    async def ListUpcomingPickups(
        self, request: pb.ListUpcomingPickupsRequest, context: Context
    ) -> pb.ListUpcomingPickupsResponse:
        """The coming pickups as instants."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        courier = checks.optional_code(check, "courier_service", request.courier_service)
        within_s = check.span_s(
            "within", request.within, minimum_s=1, maximum_s=WITHIN_S_MAX, default_s=WITHIN_S_DEFAULT
        )
        check.done()
        async with self._desk.reading() as conn:
            coming, days_off = await list_upcoming_pickups(
                conn, warehouse_code, courier, timedelta(seconds=within_s), UPCOMING_MAX
            )
        return pb.ListUpcomingPickupsResponse(
            pickups=[
                pb.UpcomingPickup(
                    courier_service=each.courier_service,
                    pickup_time=timestamp(each.pickup_time),
                    ready_time=timestamp(each.ready_time),
                    order_count=each.order_count,
                )
                for each in coming
            ],
            days_off=[day_off_message(*each) for each in days_off],
        )

    async def SetTeam(self, request: pb.SetTeamRequest, context: Context) -> pb.SetTeamResponse:
        """Who is on shift, and how fast a step is."""
        check = Check()
        check.request_id(request.request_id)
        wanted = _team(check, request.team)
        check.done()

        async def work(conn: Conn) -> pb.SetTeamResponse:
            return pb.SetTeamResponse(team=team_message(await couriers.put_team(conn, wanted)))

        return await self._desk.once("SetTeam", request, pb.SetTeamResponse, work)

    async def GetTeam(self, request: pb.GetTeamRequest, context: Context) -> pb.GetTeamResponse:
        """The team, or a usual one."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetTeamResponse(team=team_message(await couriers.get_team(conn, warehouse_code)))


def _schedule(check: Check, asked: pb.PickupSchedule) -> CourierSchedule:
    warehouse_code = check.code("schedule.warehouse_code", asked.warehouse_code)
    courier = check.code("schedule.courier_service", asked.courier_service, max_length=COURIER_LENGTH_MAX)
    ready_s = check.span_s(
        "schedule.ready_before", asked.ready_before, minimum_s=0, maximum_s=READY_BEFORE_S_MAX, default_s=0
    )
    schedule = Schedule(
        _time_zone(check, asked.time_zone),
        _pickups(check, asked.pickups),
        frozenset(_closed_dates(check, asked.closed_dates)),
        timedelta(seconds=ready_s),
        frozenset(
            kind
            for kind, rests in (
                (DayOff.PUBLIC, asked.rests_on_holidays),
                (DayOff.JOINT_LEAVE, asked.rests_on_joint_leave),
            )
            if rests
        ),
    )
    etag = check.text("schedule.etag", asked.etag, max_length=64, required=False)
    return CourierSchedule(warehouse_code, courier, schedule, asked.is_default, etag)


def _time_zone(check: Check, name: str) -> str:
    """One of the IANA data base."""
    check.text("schedule.time_zone", name, max_length=64)
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        check.add("schedule.time_zone", "must be a name of the IANA data base, such as Asia/Jakarta")
    return name


def _pickups(check: Check, asked: Sequence[pb.Pickup]) -> tuple[WeeklyPickup, ...]:
    found: list[WeeklyPickup] = []
    for place, pickup in enumerate(check.items("schedule.pickups", asked, maximum=PICKUPS_MAX)):
        path = f"schedule.pickups[{place}]"
        check.choice(f"{path}.weekday", pickup.weekday, pb.Weekday)
        check.whole(f"{path}.hour", pickup.hour, minimum=0, maximum=23)
        check.whole(f"{path}.minute", pickup.minute, minimum=0, maximum=59)
        weekly = WeeklyPickup(pickup.weekday, pickup.hour, pickup.minute)
        if weekly in found:
            check.add(path, "is given twice")
        found.append(weekly)
    return tuple(found)


def _closed_dates(check: Check, asked: Sequence[pb.CalendarDate]) -> list[date]:
    found = []
    given = check.items("schedule.closed_dates", asked, minimum=0, maximum=CLOSED_DATES_MAX)
    for place, day in enumerate(given):
        path = f"schedule.closed_dates[{place}]"
        check.whole(f"{path}.year", day.year, minimum=2000, maximum=2100)
        try:
            found.append(datetime(day.year, day.month, day.day, tzinfo=UTC).date())
        except (ValueError, OverflowError):
            check.add(path, "must be a date that exists")
    return found


def _team(check: Check, asked: pb.Team) -> WarehouseTeam:
    def span(field: str, maximum_s: float, minimum_s: float = 1) -> timedelta:
        seconds = check.span_s(
            f"team.{field}",
            getattr(asked, field),
            minimum_s=minimum_s,
            maximum_s=maximum_s,
            default_s=None if minimum_s else 0,
        )
        return timedelta(seconds=seconds)

    speed = asked.walk_speed_mps
    if not math.isfinite(speed) or not SPEED_MIN_MPS <= speed <= SPEED_MAX_MPS:
        check.add("team.walk_speed_mps", f"must be from {SPEED_MIN_MPS} to {SPEED_MAX_MPS}, not {speed:g}")
    team = Team(
        check.whole("team.picker_count", asked.picker_count, minimum=1, maximum=PEOPLE_MAX),
        check.whole("team.packer_count", asked.packer_count, minimum=1, maximum=PEOPLE_MAX),
        span("per_line", 600),
        span("per_cart", 3_600, minimum_s=0),
        span("per_pack", 3_600),
        speed,
    )
    warehouse_code = check.code("team.warehouse_code", asked.warehouse_code)
    etag = check.text("team.etag", asked.etag, max_length=64, required=False)
    return WarehouseTeam(warehouse_code, team, etag)
