"""SkuService over gRPC."""

import time
from typing import Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import skus_pb2 as pb
from lumbung.catalog.v1 import skus_pb2_grpc as rpc
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.domain.skus import in_order
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.entrypoints.messages import history_message
from lumbung_catalog.entrypoints.pages import NEWEST, Pages
from lumbung_catalog.stores import journal, skus
from lumbung_catalog.usecases.add_unit import add_unit
from lumbung_catalog.usecases.correct_sku import correct_sku
from lumbung_catalog.usecases.create_sku import create_sku
from lumbung_catalog.usecases.find import read_sku
from lumbung_catalog.usecases.find_similar_skus import find_similar_skus
from lumbung_catalog.usecases.reinstate_sku import reinstate_sku
from lumbung_catalog.usecases.remove_unit import remove_unit
from lumbung_catalog.usecases.retire_sku import retire_sku
from lumbung_catalog.usecases.seal_sku import SealSku
from lumbung_catalog.usecases.update_sku import update_sku
from lumbung_catalog.wire import similar_message, sku_message
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]


class SkuServicer(rpc.SkuServiceServicer):
    """SKUs, their units and their history."""

    def __init__(self, desk: Desk, seal: SealSku) -> None:
        self._desk = desk
        self._seal = seal

    @override
    async def CreateSku(self, request: pb.CreateSkuRequest, context: Context) -> pb.CreateSkuResponse:
        new = requests.new_sku(request)

        async def work(conn: Conn, act: Act) -> pb.CreateSkuResponse:
            sku, similar = await create_sku(conn, new, act)
            return pb.CreateSkuResponse(sku=sku_message(sku), warnings=map(similar_message, similar))

        reason = request.force_reason.strip()
        return await self._desk.mutate("create_sku", request, pb.CreateSkuResponse, work, reason=reason)

    @override
    async def GetSku(self, request: pb.GetSkuRequest, context: Context) -> pb.GetSkuResponse:
        check = Check()
        code = check.code("sku_code", request.sku_code)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetSkuResponse(sku=sku_message(await read_sku(conn, code)))

    @override
    async def BatchGetSkus(
        self, request: pb.BatchGetSkusRequest, context: Context
    ) -> pb.BatchGetSkusResponse:
        check = Check()
        codes = check.items("sku_codes", request.sku_codes, maximum=limits.BATCH_MAX)
        for i, code in enumerate(codes):
            check.code(f"sku_codes[{i}]", code)
        check.done()
        async with self._desk.reading() as conn:
            found, missing = in_order(codes, await skus.load(conn, codes))
        return pb.BatchGetSkusResponse(skus=map(sku_message, found), missing_sku_codes=missing)

    @override
    async def UpdateSku(self, request: pb.UpdateSkuRequest, context: Context) -> pb.UpdateSkuResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku.sku_code", request.sku.sku_code)
        etag = requests.etag(check, "sku.etag", request.sku.etag)
        changes = requests.sku_changes(check, request.sku, request.update_mask.paths)
        reason = requests.reason(check, "force_reason", request.force_reason, required=False)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.UpdateSkuResponse:
            sku, similar = await update_sku(conn, code, etag, changes, act)
            return pb.UpdateSkuResponse(sku=sku_message(sku), warnings=map(similar_message, similar))

        return await self._desk.mutate("update_sku", request, pb.UpdateSkuResponse, work, reason=reason)

    @override
    async def RetireSku(self, request: pb.RetireSkuRequest, context: Context) -> pb.RetireSkuResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku_code", request.sku_code)
        etag = requests.etag(check, "etag", request.etag)
        reason = requests.reason(check, "reason", request.reason, required=True)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.RetireSkuResponse:
            return pb.RetireSkuResponse(sku=sku_message(await retire_sku(conn, code, etag, act)))

        return await self._desk.mutate("retire_sku", request, pb.RetireSkuResponse, work, reason=reason)

    @override
    async def ReinstateSku(
        self, request: pb.ReinstateSkuRequest, context: Context
    ) -> pb.ReinstateSkuResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku_code", request.sku_code)
        etag = requests.etag(check, "etag", request.etag)
        reason = requests.reason(check, "reason", request.reason, required=True)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.ReinstateSkuResponse:
            return pb.ReinstateSkuResponse(sku=sku_message(await reinstate_sku(conn, code, etag, act)))

        return await self._desk.mutate("reinstate_sku", request, pb.ReinstateSkuResponse, work, reason=reason)

    @override
    async def CorrectSku(self, request: pb.CorrectSkuRequest, context: Context) -> pb.CorrectSkuResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku.sku_code", request.sku.sku_code)
        etag = requests.etag(check, "sku.etag", request.sku.etag)
        correction = requests.correction(check, request.sku, request.update_mask.paths)
        reason = requests.reason(check, "reason", request.reason, required=True)
        check.done()
        before = await self._desk.answer_before("correct_sku", request, pb.CorrectSkuResponse)
        if before is not None:
            return before
        sealed = await self._seal(code, etag, correction)

        async def work(conn: Conn, act: Act) -> pb.CorrectSkuResponse:
            sealed.require_time(time.monotonic())
            sku, similar = await correct_sku(conn, code, etag, correction, act)
            return pb.CorrectSkuResponse(sku=sku_message(sku), warnings=map(similar_message, similar))

        return await self._desk.mutate("correct_sku", request, pb.CorrectSkuResponse, work, reason=reason)

    @override
    async def ListSkus(self, request: pb.ListSkusRequest, context: Context) -> pb.ListSkusResponse:
        check = Check()
        kind = requests.kind_filter(check, request.kind)
        state = requests.state_filter(check, request.state)
        if request.product_code:
            check.code("product_code", request.product_code)
        pages = Pages(check, "skus", request.product_code, request.kind, request.state)
        pages.begin(request.page_size, request.page_token, ("",))
        check.done()
        product_code = request.product_code or None
        async with self._desk.reading() as conn:
            found = await skus.page(
                conn, str(pages.after[0]), pages.size + 1, product_code=product_code, kind=kind, state=state
            )
        page, token = pages.cut(found, lambda sku: (sku.sku_code,))
        return pb.ListSkusResponse(skus=map(sku_message, page), next_page_token=token)

    @override
    async def SearchSkus(self, request: pb.SearchSkusRequest, context: Context) -> pb.SearchSkusResponse:
        check = Check()
        query = check.text("query", request.query, max_length=limits.QUERY_LENGTH_MAX).strip()
        if len(query.split()) > limits.QUERY_WORDS_MAX:
            check.add("query", f"must have at most {limits.QUERY_WORDS_MAX} words")
        state = requests.state_filter(check, request.state)
        pages = Pages(check, "search", query, request.state)
        pages.begin(request.page_size, request.page_token, (-1, ""))
        check.done()
        after = (int(pages.after[0]), str(pages.after[1]))
        async with self._desk.reading() as conn:
            found = await skus.search(conn, query, after, pages.size + 1, state=state)
        page, token = pages.cut(found, lambda ranked: (ranked[0], ranked[1].sku_code))
        return pb.SearchSkusResponse(skus=[sku_message(sku) for _, sku in page], next_page_token=token)

    @override
    async def FindSimilarSkus(
        self, request: pb.FindSimilarSkusRequest, context: Context
    ) -> pb.FindSimilarSkusResponse:
        check = Check()
        code = check.code("sku_code", request.sku_code)
        name = requests.name(check, "name", request.name)
        if request.product_code:
            check.code("product_code", request.product_code)
        check.done()
        async with self._desk.reading() as conn:
            similar = await find_similar_skus(conn, code, name, request.product_code)
        return pb.FindSimilarSkusResponse(similar_skus=map(similar_message, similar))

    @override
    async def AddUnit(self, request: pb.AddUnitRequest, context: Context) -> pb.AddUnitResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku_code", request.sku_code)
        unit = requests.further_unit(check, "unit", request.unit)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.AddUnitResponse:
            return pb.AddUnitResponse(sku=sku_message(await add_unit(conn, code, unit, act)))

        return await self._desk.mutate("add_unit", request, pb.AddUnitResponse, work)

    @override
    async def RemoveUnit(self, request: pb.RemoveUnitRequest, context: Context) -> pb.RemoveUnitResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku_code", request.sku_code)
        unit_code = requests.unit_code(check, "unit_code", request.unit_code)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.RemoveUnitResponse:
            return pb.RemoveUnitResponse(sku=sku_message(await remove_unit(conn, code, unit_code, act)))

        return await self._desk.mutate("remove_unit", request, pb.RemoveUnitResponse, work)

    @override
    async def ListSkuHistory(
        self, request: pb.ListSkuHistoryRequest, context: Context
    ) -> pb.ListSkuHistoryResponse:
        check = Check()
        code = check.code("sku_code", request.sku_code)
        pages = Pages(check, "history", code)
        pages.begin(request.page_size, request.page_token, (NEWEST,))
        check.done()
        async with self._desk.reading() as conn:
            await read_sku(conn, code)
            found = await journal.page(conn, code, int(pages.after[0]), pages.size + 1)
        page, token = pages.cut(found, lambda entry: (entry.version,))
        return pb.ListSkuHistoryResponse(entries=map(history_message, page), next_page_token=token)
