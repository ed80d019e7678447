"""MeasureService over gRPC: how the floor does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc

from lumbung.fulfillment.v1 import measures_pb2 as pb
from lumbung.fulfillment.v1 import measures_pb2_grpc as rpc
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import measures_message
from lumbung_fulfillment.stores import clock, measures
from lumbung_kit.validate import Check

SPAN_MAX = timedelta(days=92)

Context = grpc.aio.ServicerContext[Any, Any]


class MeasureServicer(rpc.MeasureServiceServicer):
    """Reads what was recorded."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def GetMeasures(self, request: pb.GetMeasuresRequest, context: Context) -> pb.GetMeasuresResponse:
        """The measures of a warehouse over a span."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        if not request.HasField("start_time"):
            check.add("start_time", "must be set")
        start = checks.moment(check, "start_time", request.start_time)
        end = checks.optional_moment(check, request, "end_time")
        zone = _time_zone(check, request.time_zone)
        check.done()
        async with self._desk.reading() as conn:
            until = end or await clock.now(conn)
            _require_span(start, until)
            found = await measures.read(conn, warehouse_code, start, until, zone)
        return pb.GetMeasuresResponse(measures=measures_message(found))


def _require_span(start: datetime, end: datetime) -> None:
    check = Check()
    if not timedelta(0) < end.astimezone(UTC) - start <= SPAN_MAX:
        check.add("end_time", f"must be after start_time, by at most {SPAN_MAX.days} days")
    check.done()


def _time_zone(check: Check, name: str) -> str:
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        check.add("time_zone", "must be a name of the IANA data base, such as Asia/Jakarta")
    return name or "UTC"
