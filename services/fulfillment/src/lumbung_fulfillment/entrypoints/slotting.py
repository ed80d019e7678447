"""SlottingService over gRPC: where goods should lie."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc

from lumbung.fulfillment.v1 import slotting_pb2 as pb
from lumbung.fulfillment.v1 import slotting_pb2_grpc as rpc
from lumbung_fulfillment.clients.catalog import SKUS_PER_CALL_MAX
from lumbung_fulfillment.domain.faces import PickFace
from lumbung_fulfillment.domain.failures import PlanContended
from lumbung_fulfillment.domain.putaway import Received
from lumbung_fulfillment.domain.velocity import WEEKS_DEFAULT, WEEKS_MAX
from lumbung_fulfillment.entrypoints import checks
from lumbung_fulfillment.entrypoints.desk import Desk
from lumbung_fulfillment.entrypoints.pages import Pages
from lumbung_fulfillment.entrypoints.scanning import Scanner
from lumbung_fulfillment.entrypoints.slotting_messages import (
    face_message,
    move_message,
    replenishment_message,
    report_message,
)
from lumbung_fulfillment.stores import replenishments, sessions
from lumbung_fulfillment.usecases.claim_replenishment import claim_replenishment
from lumbung_fulfillment.usecases.confirm_replenishment import CarriedWish, confirm_replenishment
from lumbung_fulfillment.usecases.find_better_places import find_better_places
from lumbung_fulfillment.usecases.find_replenishments import FacesSight, look_at_faces
from lumbung_fulfillment.usecases.plan_waves import StaleProposalError
from lumbung_fulfillment.usecases.release_replenishment import release_replenishment
from lumbung_fulfillment.usecases.send_replenishments import ReplenishmentSender
from lumbung_fulfillment.usecases.set_pick_face import require_face_bin, set_pick_face
from lumbung_fulfillment.usecases.suggest_putaway import SlottingSources, suggest_bins
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import QUANTITY_MAX, Check

LOT_CODE_LENGTH_MAX = 64
MOVES_DEFAULT, MOVES_MAX = 50, 200
ATTEMPTS_MAX = 4
RETRY_AFTER_S = 0.5

Context = grpc.aio.ServicerContext[Any, Any]


class SlottingServicer(rpc.SlottingServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(
        self,
        desk: Desk,
        sources: SlottingSources,
        scanner: Scanner,
        sender: ReplenishmentSender,
        lease: timedelta,
    ) -> None:
        self._desk = desk
        self._sources = sources
        self._scanner = scanner
        self._sender = sender
        self._lease = lease
        # Claims of one process would only make each other look again.
        self._claims = asyncio.Lock()
        # One report at a time: it computes for seconds.
        self._turn = asyncio.Lock()

    async def SuggestPutaway(
        self, request: pb.SuggestPutawayRequest, context: Context
    ) -> pb.SuggestPutawayResponse:
        """Bins for received goods."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        lines = check.items("lines", request.lines, maximum=SKUS_PER_CALL_MAX)
        goods = [_received(check, f"lines[{place}]", line) for place, line in enumerate(lines)]
        check.done()
        moves, paces = await suggest_bins(self._sources, warehouse_code, goods)
        return pb.SuggestPutawayResponse(moves=[move_message(move, paces) for move in moves])

    async def ListReplenishments(
        self, request: pb.ListReplenishmentsRequest, context: Context
    ) -> pb.ListReplenishmentsResponse:
        """A page of what is to be carried, and of what is carried already."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        pages = Pages(check, request.page_size, request.page_token, ["replenishments", warehouse_code])
        start = pages.number()
        check.done()
        sight = await look_at_faces(self._desk.postgres, self._sources.stock, warehouse_code)
        found = list(enumerate(_told(sight), start=1))[start : start + pages.limit]
        page, token = pages.cut(found, lambda numbered: (numbered[0],))
        return pb.ListReplenishmentsResponse(moves=[move for _, move in page], next_page_token=token)

    async def ClaimReplenishment(
        self, request: pb.ClaimReplenishmentRequest, context: Context
    ) -> pb.ClaimReplenishmentResponse:
        """Looks until what was seen can take effect: others may promise units meanwhile."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        check.done()
        async with self._desk.reading() as conn:
            warehouse_code = (await sessions.find(conn, session_id)).warehouse_code
        async with self._claims:
            for _ in range(ATTEMPTS_MAX):
                sight = await look_at_faces(self._desk.postgres, self._sources.stock, warehouse_code)
                try:
                    return await self._claim(request, session_id, sight)
                except StaleProposalError:
                    continue
        raise PlanContended(retry_after_s=RETRY_AFTER_S)

    async def ConfirmReplenishment(
        self, request: pb.ConfirmReplenishmentRequest, context: Context
    ) -> pb.ConfirmReplenishmentResponse:
        """Counts what was carried, then waits a moment for stock's ledger."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        replenishment_id = check.uuid("replenishment_id", request.replenishment_id)
        from_bin = checks.barcode(check, "from_bin_barcode", request.from_bin_barcode)
        to_bin = checks.barcode(check, "to_bin_barcode", request.to_bin_barcode)
        item_barcode = checks.item_barcode(check, request.item_barcode)
        scans = checks.scans(check, request.quantity)
        check.done()
        async with self._desk.reading() as conn:
            warehouse_code = (await sessions.find(conn, session_id)).warehouse_code
        async with self._scanner.scanned("ConfirmReplenishment", request, warehouse_code, None):
            item = await self._scanner.resolve(item_barcode)
            wish = CarriedWish(session_id, replenishment_id, from_bin, to_bin, item, scans)

            async def work(conn: Conn) -> pb.ConfirmReplenishmentResponse:
                carried = await confirm_replenishment(conn, wish)
                return pb.ConfirmReplenishmentResponse(replenishment=replenishment_message(carried))

            await self._desk.once("ConfirmReplenishment", request, pb.ConfirmReplenishmentResponse, work)
        sent = await self._sender.send(replenishment_id)
        return pb.ConfirmReplenishmentResponse(replenishment=replenishment_message(sent))

    async def ReleaseReplenishment(
        self, request: pb.ReleaseReplenishmentRequest, context: Context
    ) -> pb.ReleaseReplenishmentResponse:
        """Gives it back."""
        check = Check()
        check.request_id(request.request_id)
        session_id = check.uuid("session_id", request.session_id)
        replenishment_id = check.uuid("replenishment_id", request.replenishment_id)
        check.done()

        async def work(conn: Conn) -> pb.ReleaseReplenishmentResponse:
            released = await release_replenishment(conn, session_id, replenishment_id, request.goods_missing)
            return pb.ReleaseReplenishmentResponse(replenishment=replenishment_message(released))

        return await self._desk.once("ReleaseReplenishment", request, pb.ReleaseReplenishmentResponse, work)

    async def SetPickFace(self, request: pb.SetPickFaceRequest, context: Context) -> pb.SetPickFaceResponse:
        """Sets a face by hand, or leaves it to the SKU's pace again."""
        check = Check()
        check.request_id(request.request_id)
        warehouse_code = check.code("pick_face.warehouse_code", request.pick_face.warehouse_code)
        face = _face(check, request.pick_face)
        check.done()
        await require_face_bin(self._sources.stock, warehouse_code, face)

        async def work(conn: Conn) -> pb.SetPickFaceResponse:
            stored = await set_pick_face(conn, warehouse_code, face)
            return pb.SetPickFaceResponse(pick_face=face_message(warehouse_code, stored))

        return await self._desk.once("SetPickFace", request, pb.SetPickFaceResponse, work)

    async def ListPickFaces(
        self, request: pb.ListPickFacesRequest, context: Context
    ) -> pb.ListPickFacesResponse:
        """A page of faces that were set by hand."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        pages = Pages(check, request.page_size, request.page_token, ["pick_faces", warehouse_code])
        after = pages.texts()
        check.done()
        async with self._desk.reading() as conn:
            found = await replenishments.page_of_faces(conn, warehouse_code, after, pages.limit)
        page, token = pages.cut(found, lambda face: (face.sku_code, face.bin_code))
        return pb.ListPickFacesResponse(
            pick_faces=[face_message(warehouse_code, face) for face in page], next_page_token=token
        )

    async def ReportSlotting(
        self, request: pb.ReportSlottingRequest, context: Context
    ) -> pb.ReportSlottingResponse:
        """What to move where."""
        check = Check()
        warehouse_code = check.code("warehouse_code", request.warehouse_code)
        moves_max = check.whole("max_moves", request.max_moves, minimum=0, maximum=MOVES_MAX)
        weeks = check.whole("weeks", request.weeks, minimum=0, maximum=WEEKS_MAX)
        check.done()
        async with self._turn:
            report = await find_better_places(
                self._desk.postgres,
                self._sources.stock,
                warehouse_code,
                moves_max or MOVES_DEFAULT,
                weeks or WEEKS_DEFAULT,
            )
        return report_message(report)

    async def _claim(
        self, request: pb.ClaimReplenishmentRequest, session_id: UUID, sight: FacesSight
    ) -> pb.ClaimReplenishmentResponse:
        async def work(conn: Conn) -> pb.ClaimReplenishmentResponse:
            claimed = await claim_replenishment(conn, session_id, sight, self._lease)
            return pb.ClaimReplenishmentResponse(replenishment=replenishment_message(claimed))

        return await self._desk.once("ClaimReplenishment", request, pb.ClaimReplenishmentResponse, work)


def _told(sight: FacesSight) -> list[pb.SuggestedMove]:
    """What is carried, then what waits for somebody; each the most urgent first."""
    carried = [move_message(each.as_move(), sight.paces, each.terminal_code) for each in sight.live]
    return [*carried, *(move_message(move, sight.paces) for move in sight.moves)]


def _received(check: Check, field: str, line: pb.PutawayLine) -> Received:
    return Received(
        check.code(f"{field}.sku_code", line.sku_code),
        check.quantity(f"{field}.quantity", line.quantity),
        check.text(f"{field}.lot_code", line.lot_code, max_length=LOT_CODE_LENGTH_MAX, required=False),
    )


def _face(check: Check, message: pb.PickFace) -> PickFace:
    least = check.whole("pick_face.min_quantity", message.min_quantity, minimum=0, maximum=QUANTITY_MAX)
    most = check.whole("pick_face.max_quantity", message.max_quantity, minimum=0, maximum=QUANTITY_MAX)
    if most < least:
        check.add("pick_face.max_quantity", f"must be at least min_quantity, {least}, not {most}")
    sku_code = check.code("pick_face.sku_code", message.sku_code)
    return PickFace(sku_code, check.code("pick_face.bin_code", message.bin_code), least, most)
