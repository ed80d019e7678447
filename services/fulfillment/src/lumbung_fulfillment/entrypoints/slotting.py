"""SlottingService over gRPC: where goods should lie."""

from __future__ import annotations

from typing import Any

import grpc

from lumbung.fulfillment.v1 import slotting_pb2 as pb
from lumbung.fulfillment.v1 import slotting_pb2_grpc as rpc
from lumbung_fulfillment.clients.catalog import SKUS_PER_CALL_MAX
from lumbung_fulfillment.domain.putaway import Received
from lumbung_fulfillment.entrypoints.slotting_messages import move_message
from lumbung_fulfillment.usecases.suggest_putaway import SlottingSources, suggest_bins
from lumbung_kit.validate import Check

LOT_CODE_LENGTH_MAX = 64

Context = grpc.aio.ServicerContext[Any, Any]


class SlottingServicer(rpc.SlottingServiceServicer):
    """Translates, and leaves the deciding to the use cases."""

    def __init__(self, sources: SlottingSources) -> None:
        self._sources = sources

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


def _received(check: Check, field: str, line: pb.PutawayLine) -> Received:
    return Received(
        check.code(f"{field}.sku_code", line.sku_code),
        check.quantity(f"{field}.quantity", line.quantity),
        check.text(f"{field}.lot_code", line.lot_code, max_length=LOT_CODE_LENGTH_MAX, required=False),
    )
