"""ProductService over gRPC."""

from typing import Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import products_pb2 as pb
from lumbung.catalog.v1 import products_pb2_grpc as rpc
from lumbung_catalog.domain import limits
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.entrypoints.messages import product_history_message
from lumbung_catalog.entrypoints.pages import NEWEST, Pages
from lumbung_catalog.stores import journal, products, skus
from lumbung_catalog.usecases.add_option_values import add_option_values
from lumbung_catalog.usecases.create_product import create_product
from lumbung_catalog.usecases.find import found_product
from lumbung_catalog.usecases.update_product import update_product
from lumbung_catalog.wire import product_message, sku_message
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]


class ProductServicer(rpc.ProductServiceServicer):
    """Products and their variants."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @override
    async def CreateProduct(
        self, request: pb.CreateProductRequest, context: Context
    ) -> pb.CreateProductResponse:
        new = requests.new_product(request)

        async def work(conn: Conn, act: Act) -> pb.CreateProductResponse:
            return pb.CreateProductResponse(product=product_message(await create_product(conn, new, act)))

        return await self._desk.mutate("create_product", request, pb.CreateProductResponse, work)

    @override
    async def GetProduct(self, request: pb.GetProductRequest, context: Context) -> pb.GetProductResponse:
        check = Check()
        code = check.code("product_code", request.product_code)
        check.done()
        async with self._desk.reading() as conn:
            product = found_product(await products.load(conn, code), code)
        return pb.GetProductResponse(product=product_message(product))

    @override
    async def UpdateProduct(
        self, request: pb.UpdateProductRequest, context: Context
    ) -> pb.UpdateProductResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("product.product_code", request.product.product_code)
        etag = requests.etag(check, "product.etag", request.product.etag)
        changes = requests.product_changes(check, request.product, request.update_mask.paths)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.UpdateProductResponse:
            changed = await update_product(conn, code, etag, changes, act)
            return pb.UpdateProductResponse(product=product_message(changed))

        return await self._desk.mutate("update_product", request, pb.UpdateProductResponse, work)

    @override
    async def AddOptionValues(
        self, request: pb.AddOptionValuesRequest, context: Context
    ) -> pb.AddOptionValuesResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("product_code", request.product_code)
        etag = requests.etag(check, "etag", request.etag)
        axis = check.text("axis", request.axis, max_length=limits.AXIS_NAME_LENGTH_MAX)
        values = requests.option_values(check, "values", request.values)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.AddOptionValuesResponse:
            changed = await add_option_values(conn, code, etag, axis, values, act)
            return pb.AddOptionValuesResponse(product=product_message(changed))

        return await self._desk.mutate("add_option_values", request, pb.AddOptionValuesResponse, work)

    @override
    async def ListProductHistory(
        self, request: pb.ListProductHistoryRequest, context: Context
    ) -> pb.ListProductHistoryResponse:
        check = Check()
        code = check.code("product_code", request.product_code)
        pages = Pages(check, "product_history", code)
        pages.begin(request.page_size, request.page_token, (NEWEST,))
        check.done()
        async with self._desk.reading() as conn:
            found_product(await products.load(conn, code), code)
            found = await journal.product_page(conn, code, int(pages.after[0]), pages.size + 1)
        page, token = pages.cut(found, lambda entry: (entry.version,))
        return pb.ListProductHistoryResponse(
            entries=map(product_history_message, page), next_page_token=token
        )

    @override
    async def ListProducts(
        self, request: pb.ListProductsRequest, context: Context
    ) -> pb.ListProductsResponse:
        check = Check()
        pages = Pages(check, "products")
        pages.begin(request.page_size, request.page_token, ("",))
        check.done()
        async with self._desk.reading() as conn:
            found = await products.page(conn, str(pages.after[0]), pages.size + 1)
        page, token = pages.cut(found, lambda product: (product.product_code,))
        return pb.ListProductsResponse(products=map(product_message, page), next_page_token=token)

    @override
    async def ListVariants(
        self, request: pb.ListVariantsRequest, context: Context
    ) -> pb.ListVariantsResponse:
        check = Check()
        code = check.code("product_code", request.product_code)
        pages = Pages(check, "variants", code)
        pages.begin(request.page_size, request.page_token, ("",))
        check.done()
        async with self._desk.reading() as conn:
            found_product(await products.load(conn, code), code)
            found = await skus.page(conn, str(pages.after[0]), pages.size + 1, product_code=code)
        page, token = pages.cut(found, lambda sku: (sku.sku_code,))
        return pb.ListVariantsResponse(skus=map(sku_message, page), next_page_token=token)
