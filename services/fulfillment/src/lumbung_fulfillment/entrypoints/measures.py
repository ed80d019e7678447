"""MeasureService over gRPC: how the floor does."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc

from lumbung.fulfillment.v1 import measures_pb2 as pb
from lumbung.fulfillment.v1 import measures_pb2_grpc as rpc
from lumbung_fulfillment.domain.failures import PickerMeasuresOff
from lumbung_fulfillment.domain.rates import rate
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import duration, measures_message, timestamp
from lumbung_fulfillment.entrypoints.pages import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Pages
from lumbung_fulfillment.stores import clock, measures
from lumbung_fulfillment.stores.measures import PickerDay, Span, Work
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

SPAN_MAX = timedelta(days=92)
PICKERS_SPAN_MAX = timedelta(days=31)
SETTING = "LUMBUNG_FULFILLMENT_PICKER_MEASURES"
_FIRST = (date.min, "")

Context = grpc.aio.ServicerContext[Any, Any]


SpanRequest = (
    pb.GetMeasuresRequest
    | pb.ListDailyMeasuresRequest
    | pb.ListPickerMeasuresRequest
    | pb.ListShortBinsRequest
)


class MeasureServicer(rpc.MeasureServiceServicer):
    """Reads what was recorded. Figures by person are given where the shop has allowed it."""

    def __init__(self, desk: Desk, *, by_picker: bool) -> None:
        self._desk = desk
        self._by_picker = by_picker

    async def GetMeasures(self, request: pb.GetMeasuresRequest, context: Context) -> pb.GetMeasuresResponse:
        """The measures of a warehouse over a span."""
        wanted = _Wanted(Check(), request, request.time_zone)
        async with self._desk.reading() as conn:
            found = await measures.read(conn, await wanted.span(conn, SPAN_MAX))
        return pb.GetMeasuresResponse(measures=measures_message(found))

    async def ListDailyMeasures(
        self, request: pb.ListDailyMeasuresRequest, context: Context
    ) -> pb.ListDailyMeasuresResponse:
        """The same by day."""
        wanted = _Wanted(Check(), request, request.time_zone)
        async with self._desk.reading() as conn:
            found = await measures.days(conn, await wanted.span(conn, SPAN_MAX))
        return pb.ListDailyMeasuresResponse(
            days=[
                pb.DailyMeasures(
                    **_figures(day.work), waves_done=day.waves_done, waves_on_time=day.waves_on_time
                )
                for day in found
            ]
        )

    async def ListPickerMeasures(
        self, request: pb.ListPickerMeasuresRequest, context: Context
    ) -> pb.ListPickerMeasuresResponse:
        """By day and picker."""
        check = Check()
        filters = (request.warehouse_code, request.start_time, request.end_time, request.time_zone)
        pages = Pages(check, request.page_size, request.page_token, filters)
        after = _picker_day(check, *pages.texts())
        wanted = _Wanted(check, request, request.time_zone)
        if not self._by_picker:
            raise PickerMeasuresOff(metadata={"setting": SETTING})
        async with self._desk.reading() as conn:
            span = await wanted.span(conn, PICKERS_SPAN_MAX)
            found = await measures.pickers(conn, span, after, pages.limit)
        shown, token = pages.cut(found, lambda each: (each.day, each.picker_code))
        return pb.ListPickerMeasuresResponse(pickers=map(_picker_message, shown), next_page_token=token)

    async def ListShortBins(
        self, request: pb.ListShortBinsRequest, context: Context
    ) -> pb.ListShortBinsResponse:
        """What to count next."""
        check = Check()
        size = check.page_size(request.page_size, default=PAGE_SIZE_DEFAULT, maximum=PAGE_SIZE_MAX)
        wanted = _Wanted(check, request, "")
        async with self._desk.reading() as conn:
            found = await measures.short_bins(conn, await wanted.span(conn, SPAN_MAX), size)
        return pb.ListShortBinsResponse(
            bins=[
                pb.ShortBin(
                    bin_code=each.bin_code,
                    picks=each.picks,
                    short_picks=each.short_picks,
                    missing_quantity=each.missing_quantity,
                    short_pick_rate=rate(each.short_picks, each.picks),
                )
                for each in found
            ]
        )


class _Wanted:
    """The span that a request asks for, checked; its end may be now."""

    def __init__(self, check: Check, request: SpanRequest, time_zone: str) -> None:
        self._warehouse_code = check.code("warehouse_code", request.warehouse_code)
        if not request.HasField("start_time"):
            check.add("start_time", "must be set")
        self._start = checks.moment(check, "start_time", request.start_time)
        self._end = checks.optional_moment(check, request, "end_time")
        self._zone = _time_zone(check, time_zone)
        check.done()

    async def span(self, conn: Conn, at_most: timedelta) -> Span:
        """Refuses one that ends before it begins, or is too long."""
        end = self._end or await clock.now(conn)
        check = Check()
        if not timedelta(0) < end.astimezone(UTC) - self._start <= at_most:
            check.add("end_time", f"must be after start_time, by at most {at_most.days} days")
        check.done()
        return Span(self._warehouse_code, self._start, end, self._zone)


def _picker_day(check: Check, day: str, picker_code: str) -> tuple[date, str]:
    """Where a page begins."""
    try:
        return (date.fromisoformat(day), picker_code) if day else _FIRST
    except ValueError:
        check.add("page_token", "must be the next_page_token of a page of this list")
        return _FIRST


def _picker_message(found: PickerDay) -> pb.PickerMeasures:
    return pb.PickerMeasures(picker_code=found.picker_code, **_figures(found.work))


def _figures(work: Work) -> dict[str, Any]:
    """What days and pickers' days have in common."""
    counts = {
        name: getattr(work, name) for name in ("lines", "units", "walk_m", "wrong_scans", "short_picks")
    }
    return counts | {
        "day_start_time": timestamp(work.day_start_time),
        "pick_time": duration(work.pick_time),
        "lines_per_hour": work.lines_per_hour,
        "lines_per_metre": work.lines_per_metre,
    }


def _time_zone(check: Check, name: str) -> str:
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        check.add("time_zone", "must be a name of the IANA data base, such as Asia/Jakarta")
    return name or "UTC"
