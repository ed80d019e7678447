"""ReturnService over gRPC: goods that come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc

from lumbung.fulfillment.v1 import returns_pb2 as pb
from lumbung.fulfillment.v1 import returns_pb2_grpc as rpc
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.bookings import Condition
from lumbung_fulfillment.domain.failures import UnknownBin
from lumbung_fulfillment.domain.returns import Decision, Return, ReturnReason
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import RETURN_REASONS, RETURN_STATES, return_message
from lumbung_fulfillment.entrypoints.pages import LAST, Pages
from lumbung_fulfillment.stores import bookings, returns
from lumbung_fulfillment.stores.returns import ReturnFilter
from lumbung_fulfillment.usecases.expect_return import expect_return
from lumbung_fulfillment.usecases.inspect_return import inspect_return
from lumbung_fulfillment.usecases.receive_return import receive_return
from lumbung_kit.failures import PreconditionViolation
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

LINES_MAX = 100
TEXT_LENGTH_MAX = 500
_REASONS = {number: reason for reason, number in RETURN_REASONS.items()}
_STATES = {number: state for state, number in RETURN_STATES.items()}
_CONDITIONS = {
    pb.DISPOSITION_RESTOCK: Condition.RESTOCK,
    pb.DISPOSITION_QUARANTINE: Condition.QUARANTINE,
    pb.DISPOSITION_SCRAP: Condition.SCRAP,
}

Context = grpc.aio.ServicerContext[Any, Any]


class ReturnServicer(rpc.ReturnServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, desk: Desk, stock: Stock) -> None:
        self._desk = desk
        self._stock = stock

    async def ExpectReturn(
        self, request: pb.ExpectReturnRequest, context: Context
    ) -> pb.ExpectReturnResponse:
        """Announces what is coming back."""
        check = Check()
        check.request_id(request.request_id)
        order_id = check.uuid("order_id", request.order_id)
        lines = _lines(check, request.lines)
        check.choice("reason", request.reason, pb.ReturnReason)
        reason = _REASONS.get(request.reason, ReturnReason.OTHER)
        check.done()

        async def work(conn: Conn) -> pb.ExpectReturnResponse:
            expected = await expect_return(conn, order_id, lines, reason)
            return pb.ExpectReturnResponse(return_record=return_message(expected, []))

        return await self._desk.once("ExpectReturn", request, pb.ExpectReturnResponse, work)

    async def ReceiveReturn(
        self, request: pb.ReceiveReturnRequest, context: Context
    ) -> pb.ReceiveReturnResponse:
        """Records what has arrived."""
        check = Check()
        check.request_id(request.request_id)
        order_id = check.uuid("order_id", request.order_id)
        lines = _lines(check, request.lines)
        check.choice("reason", request.reason, pb.ReturnReason)
        reason = _REASONS.get(request.reason, ReturnReason.OTHER)
        note = check.text("note", request.note, max_length=TEXT_LENGTH_MAX, required=False)
        check.done()

        async def work(conn: Conn) -> pb.ReceiveReturnResponse:
            received = await receive_return(conn, order_id, lines, reason, note)
            return pb.ReceiveReturnResponse(return_record=return_message(received, []))

        return await self._desk.once("ReceiveReturn", request, pb.ReceiveReturnResponse, work)

    async def InspectReturn(
        self, request: pb.InspectReturnRequest, context: Context
    ) -> pb.InspectReturnResponse:
        """Decides about goods, then waits a moment for stock's ledger."""
        check = Check()
        check.request_id(request.request_id)
        return_id = check.uuid("return_id", request.return_id)
        decisions = _decisions(check, request.decisions)
        check.done()
        async with self._desk.reading() as conn:
            warehouse_code = (await returns.get(conn, return_id)).warehouse_code
        await self._require_bins(warehouse_code, decisions)

        async def work(conn: Conn) -> pb.InspectReturnResponse:
            inspected = await inspect_return(conn, return_id, decisions, request.request_id)
            return pb.InspectReturnResponse(return_record=await _message(conn, inspected))

        response = await self._desk.once("InspectReturn", request, pb.InspectReturnResponse, work)
        await self._desk.booked(response.return_record.bookings[-1].booking_id)
        async with self._desk.reading() as conn:
            ids = [check.uuid("booking_id", b.booking_id) for b in response.return_record.bookings]
            now = await bookings.get_all(conn, ids)
            found = await returns.get(conn, return_id)
        return pb.InspectReturnResponse(return_record=return_message(found, now))

    async def GetReturn(self, request: pb.GetReturnRequest, context: Context) -> pb.GetReturnResponse:
        """One return."""
        check = Check()
        return_id = check.uuid("return_id", request.return_id)
        check.done()
        async with self._desk.reading() as conn:
            found = await returns.get(conn, return_id)
            return pb.GetReturnResponse(return_record=await _message(conn, found))

    async def ListReturns(self, request: pb.ListReturnsRequest, context: Context) -> pb.ListReturnsResponse:
        """A page of returns, newest first."""
        check = Check()
        warehouse_code = checks.optional_code(check, "warehouse_code", request.warehouse_code)
        order_id = checks.optional_uuid(check, "order_id", request.order_id)
        if request.state:
            check.choice("state", request.state, pb.ReturnState)
        zone = _late_zone(check, request)
        wanted = ReturnFilter(warehouse_code, _STATES.get(request.state), order_id, zone)
        filters = ["returns", warehouse_code, order_id, request.state, zone]
        pages = Pages(check, request.page_size, request.page_token, filters)
        before = pages.place(LAST)
        check.done()
        is_expected = request.state == pb.RETURN_STATE_EXPECTED
        read = returns.expected_page if is_expected else returns.page
        async with self._desk.reading() as conn:
            found = await read(conn, wanted, before, pages.limit)
            page, token = pages.cut(
                found, lambda each: (each.announce_time if is_expected else each.receive_time, each.return_id)
            )
            messages = [await _message(conn, each) for each in page]
        return pb.ListReturnsResponse(returns=messages, next_page_token=token)

    async def _require_bins(self, warehouse_code: str, decisions: Sequence[Decision]) -> None:
        """Asks stock only when goods go into bins."""
        wanted = {decision.bin_code for decision in decisions if decision.bin_code}
        if not wanted:
            return
        unknown = sorted(wanted - (await self._stock.floor(warehouse_code)).bins.keys())
        if unknown:
            problems = [PreconditionViolation("UNKNOWN_BIN", code, "no such bin") for code in unknown]
            raise UnknownBin(metadata={"scanned": unknown[0]}, preconditions=problems)


def _late_zone(check: Check, request: pb.ListReturnsRequest) -> str:
    """The clock by which a day is over, when only late ones are wanted; empty otherwise."""
    if not request.not_same_day:
        if request.time_zone:
            check.add("time_zone", "must be empty unless not_same_day is set")
        return ""
    try:
        ZoneInfo(request.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        check.add("time_zone", "must be a name of the IANA data base, such as Asia/Jakarta")
    if request.state == pb.RETURN_STATE_EXPECTED:
        check.add("state", "must not be EXPECTED with not_same_day: what is not here cannot be late")
    return request.time_zone or "UTC"


async def _message(conn: Conn, found: Return) -> pb.Return:
    """A return with the way of its bookings."""
    ids = await returns.bookings_of(conn, [found.return_id])
    return return_message(found, await bookings.get_all(conn, ids))


def _lines(check: Check, asked: Sequence[pb.ReturnQuantity]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, line in enumerate(check.items("lines", asked, maximum=LINES_MAX)):
        sku_code = check.code(f"lines[{place}].sku_code", line.sku_code)
        if sku_code in found:
            check.add(f"lines[{place}].sku_code", "is given twice")
        found[sku_code] = check.quantity(f"lines[{place}].quantity", line.quantity)
    return found


def _decisions(check: Check, asked: Sequence[pb.InspectionDecision]) -> list[Decision]:
    given = check.items("decisions", asked, maximum=LINES_MAX)
    return [_decision(check, f"decisions[{place}]", each) for place, each in enumerate(given)]


def _decision(check: Check, path: str, asked: pb.InspectionDecision) -> Decision:
    check.choice(f"{path}.disposition", asked.disposition, pb.Disposition)
    condition = _CONDITIONS.get(asked.disposition, Condition.QUARANTINE)
    if asked.disposition == pb.DISPOSITION_RESTOCK:
        check.code(f"{path}.bin_code", asked.bin_code)
    elif asked.bin_code:
        check.add(f"{path}.bin_code", "must be empty unless goods are restocked")
    return Decision(
        check.code(f"{path}.sku_code", asked.sku_code),
        check.quantity(f"{path}.quantity", asked.quantity),
        condition,
        asked.bin_code,
        check.text(f"{path}.note", asked.note, max_length=TEXT_LENGTH_MAX, required=False),
        check.text(
            f"{path}.photo_reference", asked.photo_reference, max_length=TEXT_LENGTH_MAX, required=False
        ),
    )
