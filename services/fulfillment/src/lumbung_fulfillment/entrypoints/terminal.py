"""TerminalService over gRPC: what a handheld or a cart's screen speaks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import grpc

from lumbung.fulfillment.v1 import terminal_pb2 as pb
from lumbung.fulfillment.v1 import terminal_pb2_grpc as rpc
from lumbung_fulfillment.clients.sizes import Sizes
from lumbung_fulfillment.clients.stock import Stock
from lumbung_fulfillment.domain.cart import Capacity
from lumbung_fulfillment.domain.failures import NoWaveWaiting, UnknownBin
from lumbung_fulfillment.domain.sessions import PutBackState
from lumbung_fulfillment.domain.waves import Wave
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.messages import (
    PUT_BACK_STATES,
    duration,
    next_task_message,
    put_back_message,
    task_message,
    timestamp,
    wave_message,
)
from lumbung_fulfillment.entrypoints.pages import FIRST, Pages
from lumbung_fulfillment.entrypoints.scanning import Scanner
from lumbung_fulfillment.entrypoints.waves import cart_capacity
from lumbung_fulfillment.stores import put_backs, sessions, tasks
from lumbung_fulfillment.usecases.claim_wave import claim_wave
from lumbung_fulfillment.usecases.confirm_pick import PickWish, confirm_pick
from lumbung_fulfillment.usecases.confirm_put_back import PutBackWish, confirm_put_back
from lumbung_fulfillment.usecases.list_tasks import list_tasks
from lumbung_fulfillment.usecases.look_at_stock import look_at_stock
from lumbung_fulfillment.usecases.pause_wave import pause_wave
from lumbung_fulfillment.usecases.plan_waves import PlanSources, Proposal, StaleProposalError
from lumbung_fulfillment.usecases.release_wave import propose_for_cart, release_wave
from lumbung_fulfillment.usecases.renew_lease import renew_lease
from lumbung_fulfillment.usecases.report_short_pick import (
    ShortPickWish,
    report_short_pick,
    warehouse_and_sku,
)
from lumbung_fulfillment.usecases.sign_in import sign_in
from lumbung_fulfillment.usecases.sign_out import sign_out
from lumbung_fulfillment.usecases.undo_pick import UndoWish, undo_pick
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

NOTE_LENGTH_MAX = 200
RELEASE_ATTEMPTS_MAX = 4
RETRY_AFTER_S = 5.0
_PUT_BACK_STATES = {number: state for state, number in PUT_BACK_STATES.items()}

Context = grpc.aio.ServicerContext[Any, Any]


class TerminalServicer(rpc.TerminalServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(
        self,
        desk: Desk,
        stock: Stock,
        sizes: Sizes,
        scanner: Scanner,
        lease: timedelta,
        *,
        resource_short_picks: bool,
    ) -> None:
        self._desk = desk
        self._stock = stock
        self._sources = PlanSources(desk.postgres, stock, sizes)
        self._scanner = scanner
        self._lease = lease
        self._resource_short_picks = resource_short_picks
        # One wave is planned at a time: terminals that ask together would only take each other's orders.
        self._releasing = asyncio.Lock()

    async def SignIn(self, request: pb.SignInRequest, context: Context) -> pb.SignInResponse:
        """Opens a session."""
        check = Check()
        check.request_id(request.request_id)
        terminal_code = check.code("terminal_code", request.terminal_code)
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        picker_code = check.code("picker_code", request.picker_code)
        check.done()

        async def work(conn: Conn) -> pb.SignInResponse:
            session = await sign_in(conn, terminal_code, warehouse_code, picker_code)
            return pb.SignInResponse(
                session_id=str(session.session_id),
                lease=duration(self._lease),
                heartbeat_interval=duration(self._lease / 3),
            )

        return await self._desk.once("SignIn", request, pb.SignInResponse, work)

    async def SignOut(self, request: pb.SignOutRequest, context: Context) -> pb.SignOutResponse:
        """Ends a session."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        check.done()

        async def work(conn: Conn) -> pb.SignOutResponse:
            await sign_out(conn, session_id)
            return pb.SignOutResponse()

        return await self._desk.once("SignOut", request, pb.SignOutResponse, work)

    async def ClaimWave(self, request: pb.ClaimWaveRequest, context: Context) -> pb.ClaimWaveResponse:
        """Gives a wave to this session."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        cart_code = check.code("cart_code", request.cart_code)
        wanted = checks.optional_uuid(check, "wave_id", request.wave_id)
        capacity = cart_capacity(check, request.cart) if request.HasField("cart") else Capacity()
        check.done()

        async def claim(conn: Conn) -> pb.ClaimWaveResponse:
            return await _claimed(conn, await claim_wave(conn, session_id, cart_code, wanted, self._lease))

        try:
            return await self._desk.once("ClaimWave", request, pb.ClaimWaveResponse, claim)
        except NoWaveWaiting:
            if wanted is not None or request.planned_only:
                raise
        return await self._release(request, session_id, cart_code, capacity)

    async def _release(
        self, request: pb.ClaimWaveRequest, session_id: UUID, cart_code: str, capacity: Capacity
    ) -> pb.ClaimWaveResponse:
        """Plans until a wave can be given: others plan as well, and take what was meant for this cart."""
        async with self._releasing:
            for _ in range(RELEASE_ATTEMPTS_MAX):
                proposal = await propose_for_cart(self._sources, session_id, capacity)
                if proposal is None:
                    break
                work = partial(self._released, session_id, cart_code, proposal)
                try:
                    return await self._desk.once("ClaimWave", request, pb.ClaimWaveResponse, work)
                except StaleProposalError:
                    continue
        raise NoWaveWaiting(retry_after_s=RETRY_AFTER_S)

    async def _released(
        self, session_id: UUID, cart_code: str, proposal: Proposal, conn: Conn
    ) -> pb.ClaimWaveResponse:
        return await _claimed(conn, await release_wave(conn, session_id, cart_code, proposal, self._lease))

    async def Heartbeat(self, request: pb.HeartbeatRequest, context: Context) -> pb.HeartbeatResponse:
        """Renews the lease."""
        check = Check()
        session_id = check.uuid("session_id", request.session_id)
        wave_id = checks.optional_uuid(check, "wave_id", request.wave_id)
        check.done()
        async with self._desk.reading() as conn:
            expire_time, revision = await renew_lease(conn, session_id, wave_id, self._lease)
        return pb.HeartbeatResponse(lease_expire_time=timestamp(expire_time), wave_revision=revision)

    async def ListTasks(self, request: pb.ListTasksRequest, context: Context) -> pb.ListTasksResponse:
        """The tasks as they stand."""
        check = Check()
        session_id = check.uuid("session_id", request.session_id)
        wave_id = check.uuid("wave_id", request.wave_id)
        check.done()
        async with self._desk.reading() as conn:
            wave, found = await list_tasks(conn, session_id, wave_id)
        return pb.ListTasksResponse(tasks=map(task_message, found), wave_revision=wave.revision)

    async def ConfirmPick(self, request: pb.ConfirmPickRequest, context: Context) -> pb.ConfirmPickResponse:
        """Counts a pick, then waits a moment for stock's ledger."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        task_id = check.uuid("task_id", request.task_id)
        bin_barcode = checks.barcode(check, "bin_barcode", request.bin_barcode)
        item_barcode = checks.item_barcode(check, request.item_barcode)
        scans = checks.scans(check, request.quantity)
        scan_time = checks.optional_moment(check, request, "scan_time")
        check.done()
        async with self._desk.reading() as conn:
            session = await sessions.find(conn, session_id)
            task = await tasks.get(conn, task_id)
        async with self._scanner.scanned("ConfirmPick", request, session.warehouse_code, task.order_id):
            item = await self._scanner.resolve(item_barcode)
            wish = PickWish(
                request.request_id, session_id, task_id, bin_barcode, item, scans, scan_time, self._lease
            )
            response = await self._desk.once(
                "ConfirmPick", request, pb.ConfirmPickResponse, lambda conn: _confirm_pick(conn, wish)
            )
        if response.HasField("booking"):
            response.booking.CopyFrom(await self._desk.booked(response.booking.booking_id))
        return response

    async def ReportShortPick(
        self, request: pb.ReportShortPickRequest, context: Context
    ) -> pb.ReportShortPickResponse:
        """Finds other bins, then waits a moment for stock's ledger."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        task_id = check.uuid("task_id", request.task_id)
        note = check.text("note", request.note, max_length=NOTE_LENGTH_MAX, required=False)
        check.done()
        async with self._desk.reading() as conn:
            warehouse_code, sku_code = await warehouse_and_sku(conn, session_id, task_id)
        sight = await look_at_stock(self._desk.postgres, self._stock, warehouse_code, [sku_code])
        wish = ShortPickWish(
            request.request_id, session_id, task_id, note, self._lease, self._resource_short_picks
        )

        async def work(conn: Conn) -> pb.ReportShortPickResponse:
            taken = await report_short_pick(conn, wish, sight)
            response = pb.ReportShortPickResponse(
                task=task_message(taken.task),
                missing_quantity=taken.missing,
                replacement_tasks=map(task_message, taken.replacements),
                unsourced_quantity=taken.unsourced,
                next_task=next_task_message(taken.progress.next_task),
                wave_done=taken.progress.is_done,
                wave_revision=taken.progress.revision,
            )
            if taken.booking_id:
                response.booking.booking_id = str(taken.booking_id)
            return response

        response = await self._desk.once("ReportShortPick", request, pb.ReportShortPickResponse, work)
        if response.HasField("booking"):
            response.booking.CopyFrom(await self._desk.booked(response.booking.booking_id))
        return response

    async def UndoPick(self, request: pb.UndoPickRequest, context: Context) -> pb.UndoPickResponse:
        """Takes a scan back, then waits a moment for stock's ledger."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        scan = check.text("scan_request_id", request.scan_request_id, max_length=64)
        check.done()
        wish = UndoWish(request.request_id, session_id, scan, self._lease)

        async def work(conn: Conn) -> pb.UndoPickResponse:
            undone = await undo_pick(conn, wish)
            response = pb.UndoPickResponse(task=task_message(undone.task), returned_quantity=undone.units)
            response.booking.booking_id = str(undone.booking_id)
            return response

        response = await self._desk.once("UndoPick", request, pb.UndoPickResponse, work)
        response.booking.CopyFrom(await self._desk.booked(response.booking.booking_id))
        return response

    async def PauseWave(self, request: pb.PauseWaveRequest, context: Context) -> pb.PauseWaveResponse:
        """Hands a wave over."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        wave_id = check.uuid("wave_id", request.wave_id)
        check.done()

        async def work(conn: Conn) -> pb.PauseWaveResponse:
            return pb.PauseWaveResponse(wave=wave_message(await pause_wave(conn, session_id, wave_id)))

        return await self._desk.once("PauseWave", request, pb.PauseWaveResponse, work)

    async def ListPutBacks(
        self, request: pb.ListPutBacksRequest, context: Context
    ) -> pb.ListPutBacksResponse:
        """A page of goods that have to go back."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        order_id = checks.optional_uuid(check, "order_id", request.order_id)
        if request.state:
            check.choice("state", request.state, pb.PutBackState)
        state = _PUT_BACK_STATES.get(request.state, PutBackState.OPEN)
        filters = ["put_backs", warehouse_code, order_id, state]
        pages = Pages(check, request.page_size, request.page_token, filters)
        after = pages.place(FIRST)
        check.done()
        async with self._desk.reading() as conn:
            found = await put_backs.page(conn, warehouse_code, state, order_id, after, pages.limit)
        page, token = pages.cut(found, lambda each: (each.create_time, each.put_back_id))
        return pb.ListPutBacksResponse(put_backs=map(put_back_message, page), next_page_token=token)

    async def ConfirmPutBack(
        self, request: pb.ConfirmPutBackRequest, context: Context
    ) -> pb.ConfirmPutBackResponse:
        """Counts goods that are back, then waits a moment for stock's ledger."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        put_back_id = check.uuid("put_back_id", request.put_back_id)
        bin_barcode = checks.barcode(check, "bin_barcode", request.bin_barcode)
        item_barcode = checks.item_barcode(check, request.item_barcode)
        scans = checks.scans(check, request.quantity)
        check.done()
        async with self._desk.reading() as conn:
            await sessions.find(conn, session_id)
            put_back = await put_backs.get(conn, put_back_id)
        async with self._scanner.scanned(
            "ConfirmPutBack", request, put_back.warehouse_code, put_back.order_id
        ):
            await self._require_bin(put_back.warehouse_code, bin_barcode)
            item = await self._scanner.resolve(item_barcode)
            wish = PutBackWish(request.request_id, session_id, put_back_id, bin_barcode, item, scans)
            response = await self._desk.once(
                "ConfirmPutBack",
                request,
                pb.ConfirmPutBackResponse,
                lambda conn: _confirm_put_back(conn, wish),
            )
        if response.HasField("booking"):
            response.booking.CopyFrom(await self._desk.booked(response.booking.booking_id))
        return response

    async def _require_bin(self, warehouse_code: str, bin_code: str) -> None:
        floor = await self._stock.floor(warehouse_code)
        if bin_code not in floor.bins:
            raise UnknownBin(metadata={"scanned": bin_code})


async def _claimed(conn: Conn, wave: Wave) -> pb.ClaimWaveResponse:
    own_tasks = await tasks.of_wave(conn, wave.wave_id)
    return pb.ClaimWaveResponse(wave=wave_message(wave, own_tasks), wave_revision=wave.revision)


async def _confirm_pick(conn: Conn, wish: PickWish) -> pb.ConfirmPickResponse:
    confirmed = await confirm_pick(conn, wish)
    response = pb.ConfirmPickResponse(
        task=task_message(confirmed.task),
        counted_quantity=confirmed.units,
        next_task=next_task_message(confirmed.progress.next_task),
        wave_done=confirmed.progress.is_done,
        wave_revision=confirmed.progress.revision,
        stray_quantity=confirmed.stray,
        put_back=put_back_message(confirmed.put_back) if confirmed.put_back else None,
    )
    if confirmed.booking_id:
        response.booking.booking_id = str(confirmed.booking_id)
    return response


async def _confirm_put_back(conn: Conn, wish: PutBackWish) -> pb.ConfirmPutBackResponse:
    confirmed = await confirm_put_back(conn, wish)
    response = pb.ConfirmPutBackResponse(
        put_back=put_back_message(confirmed.put_back), counted_quantity=confirmed.units
    )
    if confirmed.booking_id:
        response.booking.booking_id = str(confirmed.booking_id)
    return response
