"""BarcodeService over gRPC."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import barcodes_pb2 as pb
from lumbung.catalog.v1 import barcodes_pb2_grpc as rpc
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.entrypoints.labels import order
from lumbung_catalog.usecases.add_barcode import add_barcode
from lumbung_catalog.usecases.remove_barcode import remove_barcode
from lumbung_catalog.usecases.render_labels import render_labels
from lumbung_catalog.usecases.resolve_barcodes import resolve_barcode, resolve_barcodes
from lumbung_catalog.wire import invalid_message, resolved_message, sku_message
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]


class BarcodeServicer(rpc.BarcodeServiceServicer):
    """Barcodes: whose they are and what they stand for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @override
    async def AddBarcode(self, request: pb.AddBarcodeRequest, context: Context) -> pb.AddBarcodeResponse:
        check = Check()
        check.request_id(request.request_id)
        sku_code = check.code("sku_code", request.sku_code)
        barcode = requests.barcode_to_add(check, "barcode", request.barcode)

        async def work(conn: Conn, act: Act) -> pb.AddBarcodeResponse:
            return pb.AddBarcodeResponse(sku=sku_message(await add_barcode(conn, sku_code, barcode, act)))

        return await self._desk.mutate("add_barcode", request, pb.AddBarcodeResponse, work)

    @override
    async def RemoveBarcode(
        self, request: pb.RemoveBarcodeRequest, context: Context
    ) -> pb.RemoveBarcodeResponse:
        check = Check()
        check.request_id(request.request_id)
        sku_code = check.code("sku_code", request.sku_code)
        code = check.text("code", request.code, max_length=limits.BARCODE_LENGTH_MAX)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.RemoveBarcodeResponse:
            return pb.RemoveBarcodeResponse(sku=sku_message(await remove_barcode(conn, sku_code, code, act)))

        return await self._desk.mutate("remove_barcode", request, pb.RemoveBarcodeResponse, work)

    @override
    async def ResolveBarcode(
        self, request: pb.ResolveBarcodeRequest, context: Context
    ) -> pb.ResolveBarcodeResponse:
        check = Check()
        code = requests.scanned(check, "code", request.code)
        check.done()
        async with self._desk.reading() as conn:
            return pb.ResolveBarcodeResponse(barcode=resolved_message(await resolve_barcode(conn, code)))

    @override
    async def BatchResolveBarcodes(
        self, request: pb.BatchResolveBarcodesRequest, context: Context
    ) -> pb.BatchResolveBarcodesResponse:
        check = Check()
        codes = check.items("codes", request.codes, maximum=limits.BATCH_MAX)
        for i, code in enumerate(codes):
            requests.scanned(check, f"codes[{i}]", code)
        check.done()
        async with self._desk.reading() as conn:
            answer = await resolve_barcodes(conn, codes)
        return pb.BatchResolveBarcodesResponse(
            barcodes=map(resolved_message, answer.known),
            unknown_codes=[scan.code for scan in answer.unknown],
            invalid_barcodes=[invalid_message(scan, scan.problem) for scan in answer.unknown if scan.problem],
        )

    @override
    async def RenderLabels(
        self, request: pb.RenderLabelsRequest, context: Context
    ) -> AsyncIterator[pb.RenderLabelsResponse]:
        asked = order(request)
        file = await render_labels(
            self._desk.postgres,
            asked.wanted,
            asked.sheet,
            as_svg=asked.as_svg,
            used_places=asked.used_places,
        )
        for first in range(0, len(file), limits.FILE_CHUNK_BYTES_MAX):
            yield pb.RenderLabelsResponse(chunk=file[first : first + limits.FILE_CHUNK_BYTES_MAX])
