"""SkuUseService: whether a SKU is used, asked by the catalog before it corrects one."""

from __future__ import annotations

import grpc

from lumbung.stock.v1 import sku_use_pb2 as pb
from lumbung.stock.v1 import sku_use_pb2_grpc as rpc
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check
from lumbung_stock.domain.sku_use import DRAWN_MAX, SEAL_TIME, SealWish
from lumbung_stock.entrypoints import inventory_messages as messages
from lumbung_stock.entrypoints.page_tokens import INT_MAX
from lumbung_stock.usecases.seal_for_correction import seal_for_correction
from lumbung_stock.wire.reservations import timestamp


class SkuUseService(rpc.SkuUseServiceServicer):
    """Translates, and leaves the deciding to the use case."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def SealForCorrection(
        self,
        request: pb.SealForCorrectionRequest,
        context: grpc.aio.ServicerContext[pb.SealForCorrectionRequest, pb.SealForCorrectionResponse],
    ) -> pb.SealForCorrectionResponse:
        """Seals a SKU that nothing has used."""
        check = Check()
        author = messages.author_of(check, request.request_id)
        wish = _wish(check, request)
        check.done()

        async def work(conn: Conn) -> pb.SealForCorrectionResponse:
            sealed = await seal_for_correction(conn, wish, author)
            return pb.SealForCorrectionResponse(
                expire_time=timestamp(sealed.expire_time), seal_ms=int(SEAL_TIME.total_seconds() * 1000)
            )

        return await once(self._postgres, "SealForCorrection", request, pb.SealForCorrectionResponse, work)


def _wish(check: Check, request: pb.SealForCorrectionRequest) -> SealWish:
    drawn = check.items("drawn_sku_codes", request.drawn_sku_codes, minimum=0, maximum=DRAWN_MAX)
    return SealWish(
        sku_code=check.code("sku_code", request.sku_code),
        sku_version=check.whole("sku_version", request.sku_version, minimum=1, maximum=INT_MAX),
        drawn_sku_codes=tuple(
            check.code(f"drawn_sku_codes[{index}]", code) for index, code in enumerate(drawn)
        ),
    )
