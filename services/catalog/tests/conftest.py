"""A catalog of the test's own: a fresh database, and the real service over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from pydantic import SecretStr

from lumbung.catalog.v1 import (
    barcodes_pb2_grpc,
    bundles_pb2_grpc,
    events_pb2_grpc,
    imports_pb2_grpc,
    products_pb2,
    products_pb2_grpc,
    skus_pb2,
    skus_pb2_grpc,
)
from lumbung_catalog.app import NAME, SCHEMA, build
from lumbung_catalog.settings import CatalogSettings
from lumbung_kit import serving
from lumbung_kit.clients import RemoteFailure, failure_from
from lumbung_kit.postgres import Postgres
from lumbung_kit.testing import MakeDatabase, open_cast_channel

MIGRATIONS = Path(__file__).parent.parent / "migrations"


TABLES = (
    "product",
    "sku",
    "sku_unit",
    "barcode",
    "recipe",
    "recipe_component",
    "recipe_draw",
    "sku_history",
    "product_history",
)
# The publisher moves events from one table to the other whenever it likes.
EVENTS = "(select event_id from event_outbox union all select event_id from event_log)"


@dataclass(frozen=True)
class Catalog:
    """The running service, as its clients see it, and its database."""

    products: products_pb2_grpc.ProductServiceAsyncStub
    skus: skus_pb2_grpc.SkuServiceAsyncStub
    barcodes: barcodes_pb2_grpc.BarcodeServiceAsyncStub
    bundles: bundles_pb2_grpc.BundleServiceAsyncStub
    imports: imports_pb2_grpc.ImportServiceAsyncStub
    events: events_pb2_grpc.EventServiceAsyncStub
    postgres: Postgres
    server: serving.RunningServer

    async def product(self, product_code: str, *axes: str, request_id: str = "") -> products_pb2.Product:
        """Creates a product with these axes."""
        request = products_pb2.CreateProductRequest(
            request_id=request_id or f"product-{product_code}",
            product_code=product_code,
            name=f"Produk {product_code}",
            option_axes=[products_pb2.OptionAxis(name=axis) for axis in axes],
        )
        return (await self.products.CreateProduct(request)).product

    async def sku(self, sku_code: str, **fields: Any) -> skus_pb2.Sku:
        """Creates a SKU: plain and the only one of its product, unless the fields say otherwise."""
        request = sku_request(sku_code, **fields)
        if not request.options and "product_code" not in fields:
            await self.product(request.product_code)
        return (await self.skus.CreateSku(request)).sku

    async def get(self, sku_code: str) -> skus_pb2.Sku:
        """Reads a SKU."""
        return (await self.skus.GetSku(skus_pb2.GetSkuRequest(sku_code=sku_code))).sku

    async def everything(self) -> dict[str, str]:
        """A digest of each table: equal before and after means that nothing changed."""
        digests = {}
        async with self.postgres.connection() as conn:
            for table in (*TABLES, EVENTS):
                digest = f"select md5(string_agg(t::text, '|' order by t::text)) from {table} t"  # noqa: S608
                rows = await conn.execute(digest)
                digests[table] = str(await rows.fetchone())
        return digests


def sku_request(sku_code: str, **fields: Any) -> skus_pb2.CreateSkuRequest:
    """What creates a plain SKU, unless the fields say otherwise."""
    usual = {
        "request_id": f"sku-{sku_code}",
        "sku_code": sku_code,
        "product_code": sku_code,
        "name": f"Barang {sku_code}",
        "kind": skus_pb2.SKU_KIND_PLAIN,
        "base_unit": "pcs",
    }
    return skus_pb2.CreateSkuRequest(**{**usual, **fields})


@pytest.fixture
def refusal() -> Callable[[Awaitable[Any]], Awaitable[RemoteFailure]]:
    """`await refusal(call)`: what the service refused, with kind, reason, metadata and fields."""

    async def of(call: Awaitable[Any]) -> RemoteFailure:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        return failure_from(refused.value)

    return of


@pytest_asyncio.fixture
async def postgres(make_database: MakeDatabase) -> AsyncIterator[Postgres]:
    """An empty catalog's database, as the service's own role."""
    postgres = Postgres(await make_database(SCHEMA, MIGRATIONS), name="test-catalog", schema=SCHEMA)
    await postgres.open()
    yield postgres
    await postgres.close()


@pytest_asyncio.fixture
async def catalog(make_database: MakeDatabase) -> AsyncIterator[Catalog]:
    """An empty catalog, served; its client acts as `staff:ani`."""
    async with AsyncExitStack() as stack:
        yield await served(await make_database(SCHEMA, MIGRATIONS), stack)


@pytest_asyncio.fixture
async def open_catalog(make_database: MakeDatabase) -> AsyncIterator[Callable[..., Awaitable[Catalog]]]:
    """`await open_catalog(stock_target=...)`: an empty catalog that knows where other services are."""
    async with AsyncExitStack() as stack:

        async def opened(**others: str) -> Catalog:
            return await served(await make_database(SCHEMA, MIGRATIONS), stack, **others)

        yield opened


@pytest_asyncio.fixture
async def another_catalog(make_database: MakeDatabase) -> AsyncIterator[Catalog]:
    """Another empty catalog beside it."""
    async with AsyncExitStack() as stack:
        yield await served(await make_database(SCHEMA, MIGRATIONS), stack)


async def served(url: str, stack: AsyncExitStack, **others: str) -> Catalog:
    """A catalog on a database, until the stack ends; `others` are settings: where the other services are."""
    settings = CatalogSettings(postgres_url=SecretStr(url), **others)
    app = await build(settings, stack)
    server = await serving.start(NAME, settings, app)
    stack.push_async_callback(server.stop, 1)
    channel = open_cast_channel(f"127.0.0.1:{server.port}", "staff:ani")
    stack.push_async_callback(channel.close)
    watching = Postgres(url, name="test-watch", schema=SCHEMA)
    await watching.open()
    stack.push_async_callback(watching.close)
    return _catalog(channel, watching, server)


def _catalog(channel: grpc.aio.Channel, watching: Postgres, server: serving.RunningServer) -> Catalog:
    return Catalog(
        products=products_pb2_grpc.ProductServiceStub(channel),
        skus=skus_pb2_grpc.SkuServiceStub(channel),
        barcodes=barcodes_pb2_grpc.BarcodeServiceStub(channel),
        bundles=bundles_pb2_grpc.BundleServiceStub(channel),
        imports=imports_pb2_grpc.ImportServiceStub(channel),
        events=events_pb2_grpc.EventServiceStub(channel),
        postgres=watching,
        server=server,
    )
